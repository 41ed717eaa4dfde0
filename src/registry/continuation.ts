import type { Contact, ContinuationPreview, ContinuationQuestion } from './continuation-question.ts';
import { type Known, previewRelocation } from './continuation-under-agreement.ts';
import type { Finding, ToConfirm } from './requirement.ts';
import { ruleSetInForce, type Serving, servingAuthority } from './rule-book.ts';
import type { AuthorityRecord, RuleBook } from './rule-set.ts';

/**
 * 転居前診断: may this couple continue its oath at the destination, and what becomes of what it has? Compares the dated
 * rules of both authorities and the agreements that join them on the day; asks nothing that says who they are.
 *
 * - `address_change_only`: the same authority serves both places, so there is nothing to hand over.
 * - `served_by_other_authority`: possible, but with `servedBy`, since the named municipality has no scheme of its own;
 *   `hasChanges(differences)` says whether something changes.
 * - `new_oath`: no continuation; `newOathOpen` says whether the destination's own oath is open to them.
 * - `undetermined`: a fact or a rule that decides is not known (要確認).
 */
export function previewContinuation(book: RuleBook, question: ContinuationQuestion): ContinuationPreview {
  const { on } = question;
  const issuer = servedBy(servingAuthority(book, question.origin, question.oathDate ?? on));
  const serving = servingAuthority(book, question.destination, on);
  const destination = servedBy(serving);
  const contacts = contactsOf(issuer, destination);
  const known = {
    ...NOTHING,
    servedBy: destination?.code ?? null,
    contacts,
    toConfirm: routingNotes(serving),
  };
  if (issuer === null) return originUnknown(known, question);
  if (destination === null) return destinationUnknown(known, serving);
  if (issuer.code === destination.code) return { ...known, outcome: 'address_change_only' };
  if (question.origin === question.destination) return stayedWhileSchemeBegan(known, issuer);
  const originRules = ruleSetInForce(book, issuer.code, on);
  const destinationRules = ruleSetInForce(book, destination.code, on);
  if (originRules === null) return schemeEnded(known, issuer);
  if (destinationRules === null) return destinationUnknown(known, serving);
  const relocation = {
    question,
    origin: { authority: issuer, ruleSet: originRules },
    destination: { authority: destination, ruleSet: destinationRules },
  };
  const ruleSets = { origin: originRules.validFrom, destination: destinationRules.validFrom };
  return previewRelocation(book, relocation, { ...known, ruleSets });
}

const NOTHING: Omit<ContinuationPreview, 'outcome' | 'servedBy' | 'contacts'> = {
  agreement: null,
  model: null,
  filing: null,
  otherAgreements: [],
  passedOver: [],
  reasons: [],
  differences: [],
  documents: [],
  waived: [],
  dates: [],
  toConfirm: [],
  newOathOpen: null,
  ruleSets: { origin: null, destination: null },
};

function contactsOf(issuer: AuthorityRecord | null, destination: AuthorityRecord | null): Contact[] {
  const at = (side: Contact['side'], authority: AuthorityRecord | null): Contact[] =>
    authority === null ? [] : [{ side, authority: authority.code, contact: authority.contact }];
  const both = issuer?.code === destination?.code ? [] : at('origin', issuer);
  return [...both, ...at('destination', destination)];
}

function routingNotes(serving: Serving): ToConfirm[] {
  if (serving.by !== 'prefecture' || serving.confirmed) return [];
  return [{ requirement: 'serving_authority', sources: lastSources(serving.authority) }];
}

function servedBy(serving: Serving): AuthorityRecord | null {
  return serving.by === 'municipality' || serving.by === 'prefecture' ? serving.authority : null;
}

function lastSources(authority: AuthorityRecord): readonly string[] {
  return authority.ruleSets.at(-1)?.sources ?? [];
}

/** The answer is left to people: this one thing is not known. */
function open(
  known: Known,
  requirement: Finding['requirement'],
  sources: readonly string[],
  remedy: Finding['remedies'][number],
): ContinuationPreview {
  const reason = { requirement, concerns: 'both', finding: 'unknown', sources, remedies: [remedy] } as const;
  return { ...known, outcome: 'undetermined', reasons: [reason] };
}

/** Nobody in this book serves the origin, or did on the day of the oath. */
function originUnknown(known: Known, { oathDate }: ContinuationQuestion): ContinuationPreview {
  const requirement = oathDate === undefined ? 'serving_authority' : 'certificate_of_member';
  return open(known, requirement, [], 'ask:origin');
}

/** The origin's scheme was in force on the day of the oath and is not on the day of the move. */
function schemeEnded(known: Known, issuer: AuthorityRecord): ContinuationPreview {
  return open(known, 'rules_in_force', lastSources(issuer), 'ask:origin');
}

/** Nobody in this book serves the destination; it may have a scheme whose rules this book does not hold. */
function destinationUnknown(known: Known, serving: Serving): ContinuationPreview {
  return serving.by === 'scheme_outside_this_book'
    ? open(known, 'rules_in_force', serving.municipality.sources, 'ask:destination')
    : open(known, 'serving_authority', [], 'ask:destination');
}

/** The couple did not move; its town began a scheme of its own. No published rule says what then: people decide. */
function stayedWhileSchemeBegan(known: Known, issuer: AuthorityRecord): ContinuationPreview {
  return open(known, 'scheme_began_while_resident', lastSources(issuer), 'ask:both_authorities');
}
