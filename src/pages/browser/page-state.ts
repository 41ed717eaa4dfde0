import type { PageWords } from '../words.ts';
import type { CheckResult } from './check-text.ts';

export type FaultWord = Extract<keyof PageWords, `fault_${string}`>;

export type Told = CheckResult & {
  /** Addresses of pictures of names by their place among the claims; undefined until they are there. */
  readonly pictures: ReadonlyMap<string, string> | undefined;
};

export type PageState =
  | { readonly kind: 'asking'; readonly fault?: FaultWord }
  | { readonly kind: 'scanning' }
  | { readonly kind: 'checking' }
  | { readonly kind: 'told'; readonly told: Told };

export type PageActions = {
  readonly check: (text: string) => void;
  readonly open: (file: Blob) => void;
  readonly scan: () => void;
  readonly stopScan: () => void;
  readonly clear: () => void;
};
