import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { CoupleFacts, SeenDocument } from './couple-facts.ts';
import { type JapanDay, monthsAfter } from './japan-day.ts';
import type { Assessment, Finding, Remedy } from './requirement.ts';
import type { DocumentKind, RequiredDocument, Waiver } from './rule-set.ts';

/**
 * What to bring for each document. null: the counter hands it out or it goes with the post, so nobody can have
 * forgotten it.
 */
const BRING = {
  oath_form: null,
  continuation_form: null,
  return_envelope: null,
  residence_record: 'bring:residence_record',
  moving_certificate: 'bring:moving_certificate',
  single_status_proof: 'bring:single_status_proof',
  photo_id: 'bring:photo_id',
  origin_certificates: 'bring:origin_certificates',
  address_change_proof: 'bring:address_change_proof',
  alias_proof: 'bring:alias_proof',
  family_proof: 'bring:family_proof',
} as const satisfies Record<DocumentKind, Remedy | null>;

/**
 * The documents of the authority's list that the counter has not seen, or that are too old. An unknown list (null) is a
 * point to confirm. What the agreement waives is never asked for.
 */
export function assessDocuments(
  required: readonly RequiredDocument[] | null,
  sources: readonly string[],
  waived: readonly Waiver[],
  facts: CoupleFacts,
  on: JapanDay,
): Partial<Assessment> {
  const toConfirm = [{ requirement: 'documents', sources }] as const;
  if (required === null) return { toConfirm };
  const asked = required.filter(
    ({ document }) => BRING[document] !== null && !(waived as readonly string[]).includes(document),
  );
  const [first, second] = [facts.first.documentsSeen, facts.second.documentsSeen];
  if (first === null || second === null) return asked.length === 0 ? {} : { toConfirm };
  const seen = { first, second, both: [...first, ...second] };
  return {
    unmet: asked.flatMap((one) =>
      one.per === 'couple'
        ? missing(one, seen.both, 'both', sources, on)
        : POSITIONS.flatMap((position) => missing(one, seen[position], position, sources, on)),
    ),
  };
}

function missing(
  { document, maxAgeMonths }: RequiredDocument,
  seen: readonly SeenDocument[],
  concerns: PartnerPosition | 'both',
  sources: readonly string[],
  on: JapanDay,
): Finding[] {
  const bring = BRING[document];
  if (bring === null) return [];
  const finding = (known: Finding['finding']): Finding[] => [
    { requirement: 'documents', concerns, finding: known, sources, remedies: [bring] },
  ];
  const shown = seen.filter((one) => one.document === document);
  if (shown.length === 0) return finding('unmet');
  if (maxAgeMonths === null) return [];
  const fresh = shown.some(({ issuedOn }) => issuedOn !== null && monthsAfter(issuedOn, maxAgeMonths) >= on);
  if (fresh) return [];
  return finding(shown.some(({ issuedOn }) => issuedOn === null) ? 'unknown' : 'unmet');
}
