import { reasonsAgainst, reasonsAgainstOath } from './continuation-check.ts';
import { datesOf } from './continuation-dates.ts';
import { differencesOf, hasChanges } from './continuation-difference.ts';
import { type Checklist, checklistForOath, checklistUnder } from './continuation-documents.ts';
import { familyIsOpen } from './continuation-family.ts';
import { filingOf } from './continuation-filing.ts';
import type { ContinuationPreview, Difference, Move, Outcome, Relocation } from './continuation-question.ts';
import { type Finding, gathered, type ToConfirm } from './requirement.ts';
import { agreementsBetween, membershipOf } from './rule-book.ts';
import { isUnconfirmed, type RuleBook, sourcesOf } from './rule-set.ts';

/** What is known before any agreement is looked at. */
export type Known = Omit<ContinuationPreview, 'outcome'>;

/**
 * The answer for a move between two authorities whose rules are known. Of the agreements that join them the first that
 * leads to a continuation applies, then the first that leaves it open, then one that spares documents of a new oath.
 * Where none does, the reasons are those of the agreement that goes first.
 */
export function previewRelocation(book: RuleBook, relocation: Relocation, known: Known): ContinuationPreview {
  const { origin, destination, question } = relocation;
  const shared = agreementsBetween(book, origin.authority.code, destination.authority.code, question.on);
  const previews = shared.map((agreement) => previewUnder(book, { ...relocation, agreement }, known));
  // Sorting is stable: among equals the one that goes first stays first.
  const [applied] = previews.toSorted((one, other) => rankOf(one) - rankOf(other));
  if (applied === undefined) return withoutAgreement(book, relocation, known);
  const before = previews.slice(0, previews.indexOf(applied));
  return {
    ...applied,
    otherAgreements: shared.map(({ id }) => id).filter((id) => id !== applied.agreement),
    passedOver: before.flatMap(({ agreement, reasons }) => (agreement ? [{ agreement, reasons }] : [])),
  };
}

function rankOf({ outcome, waived }: ContinuationPreview): number {
  if (outcome === 'undetermined') return 1;
  if (outcome !== 'new_oath') return 0;
  return waived.length > 0 ? 2 : 3;
}

function previewUnder(book: RuleBook, move: Move, known: Known): ContinuationPreview {
  const { agreement } = move;
  const { reasons, newOathOpen, toConfirm } = reasonsAgainst(move);
  const differences = differencesOf(move);
  const outcome = outcomeOf(move, reasons, differences);
  const notes = [
    ...known.toConfirm,
    ...membershipNotes(book, move),
    ...toConfirm,
    ...carriedNotes(move, differences),
  ];
  const told = { ...known, agreement: agreement.id, model: agreement.model, reasons, differences, outcome };
  // Whoever the agreement does not cover swears like anybody else.
  if (outcome === 'new_oath' && (agreement.model !== 'new_oath_with_waiver' || reasons.some(isUnmet))) {
    return { ...told, newOathOpen, ...papersOfOath(move, newOathOpen, notes) };
  }
  return {
    ...told,
    filing: filingOf(move),
    waived: agreement.waives,
    newOathOpen: outcome === 'new_oath' ? newOathOpen : null,
    ...papers(move, checklistUnder(move, differences), notes),
  };
}

function outcomeOf(
  { agreement, question, destination }: Move,
  reasons: readonly Finding[],
  differences: readonly Difference[],
): Exclude<Outcome, 'address_change_only'> {
  // An agreement that only waives documents knows no continuation: the couple swears again, with fewer papers.
  if (agreement.model === 'new_oath_with_waiver' || reasons.some(isUnmet)) return 'new_oath';
  if (reasons.length > 0) return 'undetermined';
  if (question.destination !== destination.authority.code) return 'served_by_other_authority';
  return hasChanges(differences) ? 'continuable_with_changes' : 'continuable';
}

/** No agreement joins the two: 連携の外の転居. What would stop an oath at the destination is told with it. */
function withoutAgreement(book: RuleBook, relocation: Relocation, known: Known): ContinuationPreview {
  const { reasons, newOathOpen, toConfirm } = reasonsAgainstOath(relocation);
  const noAgreement: Finding = {
    requirement: 'agreement',
    concerns: 'both',
    finding: 'unmet',
    sources: [...new Set(book.agreements.flatMap((one) => one.sources))],
    remedies: ['swear:new_oath'],
  };
  return {
    ...known,
    outcome: 'new_oath',
    reasons: [noAgreement, ...reasons],
    newOathOpen,
    ...papersOfOath(relocation, newOathOpen, [...known.toConfirm, ...toConfirm]),
  };
}

type Papers = Pick<ContinuationPreview, 'documents' | 'dates' | 'toConfirm'>;

/** Where an oath would fail as well, nobody is told to gather papers for one. */
function papersOfOath(
  relocation: Relocation,
  newOathOpen: boolean | null,
  notes: readonly ToConfirm[],
): Papers {
  if (newOathOpen !== false) return papers(relocation, checklistForOath(relocation), notes);
  return { documents: [], dates: [], toConfirm: gathered([{ toConfirm: notes }]).toConfirm };
}

function papers(relocation: Relocation, checklist: Checklist, notes: readonly ToConfirm[]): Papers {
  const { documents, known, office, field } = checklist;
  const sources = sourcesOf(office.ruleSet, field);
  const open: ToConfirm[] = known ? [] : [{ requirement: 'documents', sources }];
  return {
    documents,
    dates: datesOf(relocation, checklist),
    toConfirm: gathered([{ toConfirm: [...notes, ...open] }]).toConfirm,
  };
}

/** What stands on the certificates and may not be carried: an alias, or family members of whom only some may be named. */
function carriedNotes(move: Move, differences: readonly Difference[]): ToConfirm[] {
  return differences.flatMap((difference): ToConfirm[] => {
    const { aspect, effect, sources } = difference;
    if (aspect === 'alias' && effect === 'to_confirm') return [{ requirement: aspect, sources }];
    if (aspect === 'family_members' && familyIsOpen(move, difference))
      return [{ requirement: aspect, sources }];
    return [];
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

function isUnmet({ finding }: Finding): boolean {
  return finding === 'unmet';
}
