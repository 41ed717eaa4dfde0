import type { EntityId } from '../kernel/authority.ts';
import { parseCompactJws } from '../kernel/compact-jws.ts';
import type { EntityConfiguration } from './entity-statement.ts';
import { isNoAnswer, ownAddress, staticUrl } from './static-documents.ts';
import { reading, TrustFault } from './trust-fault.ts';
import { MAX_TRUST_MARK_LENGTH, readTrustMark, TRUST_MARK_TYP } from './trust-mark.ts';

/**
 * An authority's own mark, from its superior: the endpoint of the specification (§8.6) first, then a file. Only its form
 * is looked at, and whom it names: whoever is shown the mark verifies it.
 *
 * @returns undefined where the superior has none for this authority
 * @throws TrustFault where it cannot be asked, or answers with somebody else's
 */
export async function fetchTrustMark(
  superior: EntityConfiguration,
  { type, sub }: { readonly type: string; readonly sub: EntityId },
  fetchText: (url: string) => Promise<string>,
): Promise<string | undefined> {
  const parameter = 'federation_trust_mark_endpoint';
  const endpoint = superior.metadata.federation_entity?.[parameter];
  const addresses = [
    typeof endpoint === 'string'
      ? withQuery(ownAddress(superior, endpoint, parameter), type, sub)
      : undefined,
    staticUrl(superior, 'mark', { type, sub }),
  ];
  for (const address of addresses) {
    if (address === undefined) continue;
    try {
      const text = await fetchText(address);
      demandOwn(text, type, sub);
      return text;
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
    }
  }
  return undefined;
}

function withQuery(url: URL, type: string, sub: EntityId): string {
  url.searchParams.append('trust_mark_type', type);
  url.searchParams.append('sub', sub);
  return url.href;
}

function demandOwn(text: string, type: string, sub: EntityId): void {
  const form = { typ: TRUST_MARK_TYP, maxLength: MAX_TRUST_MARK_LENGTH, requiredHeader: ['kid'] };
  const mark = readTrustMark(reading(() => parseCompactJws(text, form)).claims);
  if (mark.subject !== sub) throw new TrustFault('subject_foreign', 'sub');
  if (mark.type !== type) throw new TrustFault('mark_type_wrong', 'trust_mark_type');
}
