import type { ToldVerification } from '../../certificate/told-verification.ts';
import { epochSeconds, systemClock } from '../../kernel/clock.ts';
import { askNode, fetchTrustBundle } from './node-client.ts';

export type CheckFault = 'fault_empty' | 'fault_busy' | 'fault_long' | 'fault_offline';

export type CheckResult = {
  readonly verification: ToldVerification;
  /** When the status list was signed that was looked at; RFC 3339. Unknown of a negative answer of a node. */
  readonly statusAsOf: string | undefined;
  readonly offline: boolean;
};

/** As it was pasted or scanned: line breaks of a mail do not belong to it. */
export function cleaned(text: string): string {
  return text.replaceAll(/\s+/g, '');
}

/** Asks the node, and where it cannot be reached checks here with what was kept. */
export async function checkText(text: string): Promise<CheckResult | { readonly fault: CheckFault }> {
  if (text === '') return { fault: 'fault_empty' };
  const asked = await askNode(text);
  switch (asked.kind) {
    case 'told': {
      const { verification } = asked;
      return { verification, statusAsOf: verification.basedOn?.statusIssuedAt, offline: false };
    }
    case 'busy':
      return { fault: 'fault_busy' };
    case 'refused':
      return { fault: 'fault_long' };
    case 'unreachable':
      return checkHere(text);
  }
}

async function checkHere(text: string): Promise<CheckResult | { readonly fault: CheckFault }> {
  const bundle = await fetchTrustBundle();
  if (!bundle) return { fault: 'fault_offline' };
  const { checkOffline } = await import('./offline-check.ts');
  return { ...(await checkOffline(text, bundle, epochSeconds(systemClock()))), offline: true };
}
