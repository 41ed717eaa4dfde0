import { officeOf } from './continuation-filing.ts';
import type { Difference, Move, Relocation, Side } from './continuation-question.ts';
import type { Channel, RequiredDocument, RuleField, Waiver } from './rule-set.ts';

/** The check list for a continuation or an oath. `field`: the rule it stands in; `known: false`: the rule is not known. */
export type Checklist = {
  /** The authority that is filed with first. */
  readonly office: Side;
  readonly documents: readonly RequiredDocument[];
  readonly field: Extract<RuleField, 'continuationDocuments' | 'oathDocuments'>;
  readonly known: boolean;
  /** Everybody proves the new address after the filing, also whoever has moved already. */
  readonly proofFollows: boolean;
};

/** What members elsewhere ask for, no document older than three months; shown with a point to confirm. */
const USUAL_FOR_CONTINUATION: readonly RequiredDocument[] = [
  usual('continuation_form', 'couple'),
  usual('origin_certificates', 'partner'),
  usual('address_change_proof', 'partner', 3),
  usual('photo_id', 'partner'),
];
const USUAL_FOR_OATH: readonly RequiredDocument[] = [
  usual('oath_form', 'couple'),
  usual('residence_record', 'partner', 3),
  usual('single_status_proof', 'partner', 3),
  usual('photo_id', 'partner'),
];

/** What to bring to a continuation under the agreement, or to the oath that it makes easier. */
export function checklistUnder(move: Move, differences: readonly Difference[]): Checklist {
  const { agreement, question } = move;
  const withOath = agreement.model === 'new_oath_with_waiver';
  const handedOver = agreement.model === 'information_handover';
  const { documents, ...rest } = withOath ? forOath(move) : forContinuation(move);
  const added = [
    // 情報引継ぎ: the origin hands over, and the destination is shown the new address.
    ...(handedOver ? [usual('address_change_proof', 'partner')] : []),
    // The origin's certificates stand in for what is waived.
    ...(withOath && agreement.waives.length > 0 ? [usual('origin_certificates', 'partner')] : []),
    ...carriedProofs(differences),
  ];
  const all = [...documents, ...added.filter(isNew(documents))];
  return {
    ...rest,
    documents: all.filter(neededFor(question.by, agreement.waives)),
    proofFollows: handedOver,
  };
}

/** What to bring to an oath like any other at the destination. */
export function checklistForOath(relocation: Relocation): Checklist {
  const { documents, ...rest } = forOath(relocation);
  return { ...rest, documents: documents.filter(neededFor(relocation.question.by, [])) };
}

function forContinuation(move: Move): Checklist {
  const office = officeOf(move);
  const list = office.ruleSet.continuationDocuments;
  const documents = list ?? USUAL_FOR_CONTINUATION;
  return {
    office,
    documents,
    field: 'continuationDocuments',
    known: list !== null,
    proofFollows: false,
  };
}

function forOath({ destination }: Relocation): Checklist {
  const list = destination.ruleSet.oathDocuments;
  const documents = list ?? USUAL_FOR_OATH;
  return {
    office: destination,
    documents,
    field: 'oathDocuments',
    known: list !== null,
    proofFollows: false,
  };
}

/** An alias and family members are proved anew, unless the destination asks no proof or cannot name them anyway. */
function carriedProofs(differences: readonly Difference[]): RequiredDocument[] {
  const proved = (aspect: Difference['aspect']) =>
    differences.some(
      (one) => one.aspect === aspect && (one.effect === 'prove_again' || one.effect === 'to_confirm'),
    );
  return [
    ...(proved('alias') ? [usual('alias_proof', 'partner')] : []),
    ...(proved('family_members') ? [usual('family_proof', 'couple')] : []),
  ];
}

function neededFor(by: Channel | undefined, waives: readonly Waiver[]) {
  const waived: readonly string[] = waives;
  return ({ document, onlyByPost }: RequiredDocument): boolean =>
    !waived.includes(document) && (!onlyByPost || by === undefined || by === 'post');
}

function isNew(documents: readonly RequiredDocument[]) {
  return ({ document }: RequiredDocument): boolean => !documents.some((one) => one.document === document);
}

function usual(
  document: RequiredDocument['document'],
  per: RequiredDocument['per'],
  maxAgeMonths: number | null = null,
): RequiredDocument {
  return { document, per, maxAgeMonths, onlyByPost: false };
}
