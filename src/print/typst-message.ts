import type { Sheet } from './sheet.ts';
import type { Outcome } from './typesetter.ts';

/** What the process with Typst is told: its fonts once, then one sheet after the other. Data, never code. */
export type ToTypst =
  | { readonly kind: 'fonts'; readonly folders: readonly string[] }
  | { readonly kind: 'sheet'; readonly number: number; readonly sheet: Sheet };

/** Its answer to the sheet of that number. */
export type FromTypst = { readonly number: number; readonly outcome: Outcome };
