/**
 * What the pages use of preact and preact-render-to-string, for the compiler of the server alone (tsconfig.json leads
 * there): preact's own types bring those of the DOM with them, which would then stand for Node's everywhere. Code for the
 * browser is compiled with preact's own.
 */
export namespace JSX {
  export interface Element {
    readonly type: unknown;
    readonly props: unknown;
  }
}
type Child = JSX.Element | string | number | boolean | null | undefined | readonly Child[];
export function h(
  type: unknown,
  props: Readonly<Record<string, unknown>> | null,
  ...children: Child[]
): JSX.Element;
export const Fragment: unknown;
export function renderToString(element: JSX.Element): string;
