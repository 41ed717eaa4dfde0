import { reasonsAgainst } from './continuation-check.ts';
import { differencesOf } from './continuation-difference.ts';
import type {
  ContinuationPreview,
  ContinuationQuestion,
  Difference,
  Move,
  Outcome,
} from './continuation-question.ts';
import { mayBeNamed } from './eligibility.ts';
import { type Finding, gathered, type ToConfirm } from './requirement.ts';
import {
  agreementBetween,
  membershipOf,
  ruleSetInForce,
  type Serving,
  servingAuthority,
} from './rule-book.ts';
import type { AuthorityRecord, DocumentKind, RuleBook } from './rule-set.ts';
import { isUnconfirmed } from './rule-set.ts';

/**
 * 転居前診断: may this couple continue its oath at the destination, and what becomes of what it has? Compares the dated
 * rules of both authorities and the agreement that joins them on the day; asks nothing that says who they are.
 *
 * - `address_change_only`: the same authority serves both places, so there is nothing to hand over.
 * - `served_by_other_authority`: possible, but with `servedBy`, since the named municipality has no scheme of its own.
 * - `new_oath`: no continuation; `newOathOpen` says whether the destination's own oath is open to them.
 * - `undetermined`: a fact or a rule that decides is not known (要確認).
 */
export function previewContinuation(book: RuleBook, question: ContinuationQuestion): ContinuationPreview {
  const { on } = question;
  const issuer = servedBy(servingAuthority(book, question.origin, question.oathDate ?? on));
  const serving = servingAuthority(book, question.destination, on);
  const destination = servedBy(serving);
  if (issuer === null || destination === null) return unservable(issuer, serving, question);
  const toConfirm = routingNotes(serving);
  const known = { ...NOTHING, servedBy: destination.code, toConfirm };
  if (issuer.code === destination.code) return { ...known, outcome: 'address_change_only' };
  if (question.origin === question.destination) return stayedWhileSchemeBegan(known, issuer);
  const originRules = ruleSetInForce(book, issuer.code, on);
  const destinationRules = ruleSetInForce(book, destination.code, on);
  if (originRules === null || destinationRules === null) return unservable(issuer, serving, question);
  const ruleSets = { origin: originRules.validFrom, destination: destinationRules.validFrom };
  const agreement = agreementBetween(book, issuer.code, destination.code, on);
  if (agreement === null) return withoutAgreement({ ...known, ruleSets }, book);
  const move: Move = {
    question,
    agreement,
    origin: { authority: issuer, ruleSet: originRules },
    destination: { authority: destination, ruleSet: destinationRules },
  };
  return preview(book, move, { ...known, ruleSets });
}

const NOTHING: Omit<ContinuationPreview, 'outcome' | 'servedBy'> = {
  agreement: null,
  model: null,
  reasons: [],
  differences: [],
  documents: [],
  waived: [],
  toConfirm: [],
  newOathOpen: null,
  ruleSets: { origin: null, destination: null },
};

type Known = Omit<ContinuationPreview, 'outcome'>;

function preview(book: RuleBook, move: Move, known: Known): ContinuationPreview {
  const { agreement, question, destination } = move;
  const check = reasonsAgainst(move);
  const differences = differencesOf(move);
  const outcome = outcomeOf(move, check.reasons, differences);
  const notes = [
    known,
    { toConfirm: membershipNotes(book, move) },
    check,
    { toConfirm: documentNotes(move) },
    { toConfirm: carriedNotes(move, differences) },
  ];
  const told: Known = {
    ...known,
    agreement: agreement.id,
    model: agreement.model,
    reasons: check.reasons,
    differences,
    toConfirm: gathered(notes).toConfirm,
  };
  if (outcome === 'new_oath') return { ...told, outcome, newOathOpen: check.newOathOpen };
  const servedElsewhere = question.destination !== destination.authority.code;
  const documents = documentsFor(move, differences);
  if (outcome !== 'undetermined' && servedElsewhere) {
    return { ...told, outcome: 'served_by_other_authority', documents, waived: agreement.waives };
  }
  return { ...told, outcome, documents, waived: agreement.waives };
}

function outcomeOf(
  { agreement }: Move,
  reasons: readonly Finding[],
  differences: readonly Difference[],
): Exclude<Outcome, 'served_by_other_authority' | 'address_change_only'> {
  // An agreement that only waives documents knows no continuation: the couple swears again, with fewer papers.
  if (agreement.model === 'new_oath_with_waiver') return 'new_oath';
  if (reasons.some(({ finding }) => finding === 'unmet')) return 'new_oath';
  if (reasons.length > 0) return 'undetermined';
  return differences.some(isChange) ? 'continuable_with_changes' : 'continuable';
}

/** The new address is proved at every continuation; that alone changes nothing for the couple. */
function isChange({ aspect, effect }: Difference): boolean {
  return effect === 'lapses' || (effect === 'prove_again' && aspect !== 'residence');
}

/** Where the destination's list is not known: what members elsewhere ask for, shown with a point to confirm. */
const USUAL_DOCUMENTS: readonly DocumentKind[] = [
  'continuation_form',
  'origin_certificates',
  'address_change_proof',
  'photo_id',
];

function documentsFor(
  { agreement, destination, question }: Move,
  differences: readonly Difference[],
): DocumentKind[] {
  const listed =
    destination.ruleSet.continuationDocuments?.map(({ document }) => document) ?? USUAL_DOCUMENTS;
  const waived: readonly string[] = agreement.waives;
  const family = differences.some(({ aspect, effect }) => aspect === 'family_members' && effect !== 'lapses');
  const added: DocumentKind[] = [];
  if (question.aliasUsed === true) added.push('alias_proof');
  if (family) added.push('family_proof');
  return [...listed, ...added].filter((document) => !waived.includes(document));
}

function documentNotes({ destination: { ruleSet } }: Move): ToConfirm[] {
  return ruleSet.continuationDocuments === null
    ? [{ requirement: 'documents', sources: ruleSet.sources }]
    : [];
}

/** What stands on the certificates and may not be carried: an alias, or family members of whom the destination names only some. */
function carriedNotes({ origin, destination }: Move, differences: readonly Difference[]): ToConfirm[] {
  const named = destination.ruleSet.familyship ?? [];
  const some = (origin.ruleSet.familyship ?? []).some((relation) => !mayBeNamed(named, relation));
  return differences.flatMap(({ aspect, effect, sources }) => {
    if (aspect !== 'alias' && aspect !== 'family_members') return [];
    const open = effect === 'to_confirm' || (effect === 'prove_again' && some);
    return open ? [{ requirement: aspect, sources }] : [];
  });
}

/** A membership whose end is said to be unknown may have ended: it is applied, and told. */
function membershipNotes(book: RuleBook, { agreement, origin, destination, question }: Move): ToConfirm[] {
  const open = [origin.authority, destination.authority].some(({ code }) => {
    const membership = membershipOf(book, code, agreement.id, question.on);
    return membership !== null && isUnconfirmed(membership, 'validTo');
  });
  return open ? [{ requirement: 'agreement', sources: agreement.sources }] : [];
}

function routingNotes(serving: Serving): ToConfirm[] {
  if (serving.by !== 'prefecture' || serving.confirmed) return [];
  return [{ requirement: 'serving_authority', sources: sourcesOf(serving.authority) }];
}

function servedBy(serving: Serving): AuthorityRecord | null {
  return serving.by === 'municipality' || serving.by === 'prefecture' ? serving.authority : null;
}

function sourcesOf(authority: AuthorityRecord): readonly string[] {
  return authority.ruleSets.at(-1)?.sources ?? [];
}

function stopped(outcome: Outcome, known: Known, reason: Omit<Finding, 'concerns'>): ContinuationPreview {
  return { ...known, outcome, reasons: [{ ...reason, concerns: 'both' }] };
}

/** Neither is in this book, or its scheme is, or was then, not in force. */
function unservable(
  issuer: AuthorityRecord | null,
  serving: Serving,
  { oathDate }: ContinuationQuestion,
): ContinuationPreview {
  const known = { ...NOTHING, servedBy: servedBy(serving)?.code ?? null };
  if (issuer === null) {
    const requirement = oathDate === undefined ? 'serving_authority' : 'certificate_of_member';
    return stopped('undetermined', known, {
      requirement,
      finding: 'unknown',
      sources: [],
      remedies: ['ask:origin'],
    });
  }
  const sources = serving.by === 'scheme_outside_this_book' ? serving.municipality.sources : [];
  const requirement = serving.by === 'scheme_outside_this_book' ? 'rules_in_force' : 'serving_authority';
  return stopped('undetermined', known, {
    requirement,
    finding: 'unknown',
    sources,
    remedies: ['ask:destination'],
  });
}

/** The couple did not move; its town began a scheme of its own. No published rule says what then: people decide. */
function stayedWhileSchemeBegan(known: Known, issuer: AuthorityRecord): ContinuationPreview {
  return stopped('undetermined', known, {
    requirement: 'scheme_began_while_resident',
    finding: 'unknown',
    sources: sourcesOf(issuer),
    remedies: ['ask:both_authorities'],
  });
}

function withoutAgreement(known: Known, book: RuleBook): ContinuationPreview {
  const sources = [...new Set(book.agreements.flatMap((one) => one.sources))];
  const reason = {
    requirement: 'agreement',
    finding: 'unmet',
    sources,
    remedies: ['swear:new_oath'],
  } as const;
  return stopped('new_oath', known, reason);
}
