import type { ErrorObject } from 'ajv';
import type { RefusalFacts } from '../kernel/refusal.ts';

/** Where a value leaves its schema, and by which rule; never what was sent. */
export type SchemaFault = RefusalFacts['request_malformed'];

/**
 * The one error worth telling. Of a choice (`oneOf`, `anyOf`) every branch complains: the caller most likely meant the
 * branch that went deepest, and of two at one depth not the one that lacked a member or failed on its constant.
 */
export function schemaFaultOf(errors: readonly ErrorObject[], names: ReadonlySet<string>): SchemaFault {
  const [error] = errors
    .filter(({ keyword }) => !['oneOf', 'anyOf', 'if', 'allOf'].includes(keyword) || errors.length === 1)
    .toSorted((a, b) => depth(b) - depth(a) || doubt(a) - doubt(b));
  if (error === undefined) return { pointer: '', rule: 'form' };
  const allowed = allowedOf(error);
  return {
    pointer: knownPointer(pathOf(error), names),
    rule: error.keyword,
    ...(allowed === undefined ? {} : { allowed }),
  };
}

/**
 * A JSON pointer of which only array positions and names that the contract knows remain; any other name was chosen by
 * the caller, may be a person's, and becomes `*`.
 */
export function knownPointer(pointer: string, names: ReadonlySet<string>): string {
  return pointer
    .split('/')
    .map((step) => (step === '' || /^\d{1,6}$/.test(step) || names.has(unescaped(step)) ? step : '*'))
    .join('/');
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function pathOf({ instancePath, keyword, params }: ErrorObject): string {
  return keyword === 'required' ? `${instancePath}/${params.missingProperty}` : instancePath;
}

function doubt({ keyword }: ErrorObject): number {
  return ['required', 'const'].indexOf(keyword) + 1;
}

function depth(error: ErrorObject): number {
  return pathOf(error).split('/').length;
}

function allowedOf({ keyword, params }: ErrorObject): string | undefined {
  if (keyword === 'enum') return (params.allowedValues as unknown[]).join(', ');
  if (keyword === 'const') return String(params.allowedValue);
  if (keyword === 'type') return [params.type].flat().join(', ');
  if (keyword === 'format') return String(params.format);
  if (keyword === 'multipleOf') return String(params.multipleOf);
  return params.limit === undefined ? undefined : String(params.limit);
}
