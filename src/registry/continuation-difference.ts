import { familyDifferences } from './continuation-family.ts';
import { channelDifference } from './continuation-filing.ts';
import type { Difference, Move } from './continuation-question.ts';
import { isInForce } from './japan-day.ts';
import { type AuthorityRecord, minAgeOn, type RuleField, sourcesOf } from './rule-set.ts';

/** What is compared, in the order in which a couple reads it. Only what concerns this couple is told. */
const COMPARED: readonly ((move: Move) => readonly Difference[])[] = [
  schemeName,
  firstOathDate,
  residence,
  cohabitation,
  singleStatus,
  minimumAge,
  adoption,
  alias,
  familyDifferences,
  certificateFormats,
  channelDifference,
];

/** What the couple keeps, loses, has to prove again or to ask about, each with the sources of the rule that decides. */
export function differencesOf(move: Move): Difference[] {
  return COMPARED.flatMap((compare) => compare(move));
}

/** Whether something changes for the couple. The new address is proved at every continuation; that alone does not. */
export function hasChanges(differences: readonly Difference[]): boolean {
  return differences.some(
    ({ aspect, effect }) => effect === 'lapses' || (effect === 'prove_again' && aspect !== 'residence'),
  );
}

function schemeName({ question, origin, destination }: Move): Difference[] {
  const name = ({ schemes }: AuthorityRecord) =>
    schemes.find((one) => isInForce(one, question.on))?.name ?? null;
  return [
    {
      aspect: 'scheme_name',
      origin: name(origin.authority),
      destination: name(destination.authority),
      effect: 'kept',
      sources: destination.ruleSet.sources,
    },
  ];
}

/** The agreement spares the oath, so it is the agreement that keeps the oath's date; a new oath has its own. */
function firstOathDate({ question, agreement }: Move): Difference[] {
  const date = question.oathDate ?? null;
  const { sources } = agreement;
  return agreement.model === 'new_oath_with_waiver'
    ? [{ aspect: 'first_oath_date', origin: date, destination: null, effect: 'lapses', sources }]
    : [{ aspect: 'first_oath_date', origin: date, destination: date, effect: 'kept', sources }];
}

function residence(move: Move): Difference[] {
  const [from, to] = [move.origin.ruleSet.residence, move.destination.ruleSet.residence];
  return [told(move, 'residence', 'residence', from, to, to === null ? 'to_confirm' : 'prove_again')];
}

function cohabitation(move: Move): Difference[] {
  const [from, to] = [move.origin.ruleSet.cohabitation, move.destination.ruleSet.cohabitation];
  if (to === false) return [];
  const effect = to === null ? 'to_confirm' : 'prove_again';
  return [told(move, 'cohabitation', 'cohabitation', asked(from), asked(to), effect)];
}

/** The proof is waived, but a destination that also counts a 事実婚 wants that declared. */
function singleStatus(move: Move): Difference[] {
  const { question, origin, destination } = move;
  const [from, to] = [origin.ruleSet.single.deFactoSpouse, destination.ruleSet.single.deFactoSpouse];
  const undeclared = question.deFactoSpouse === undefined && to === true && from !== true;
  const unknown = question.deFactoSpouse === true && to === null;
  const effect = undeclared || unknown ? 'to_confirm' : 'kept';
  // Whoever lives with somebody else finds that among the reasons.
  if (question.deFactoSpouse === true && to === true) return [];
  return [told(move, 'single_status', 'single.deFactoSpouse', asked(from), asked(to), effect)];
}

function minimumAge(move: Move): Difference[] {
  const { on } = move.question;
  const [from, to] = [minAgeOn(move.origin.ruleSet, on), minAgeOn(move.destination.ruleSet, on)];
  if (from !== null && to !== null && to <= from) return [];
  const effect = from === null || to === null ? 'to_confirm' : 'prove_again';
  const years = (age: number | null) => age?.toString() ?? null;
  return [told(move, 'minimum_age', 'minAge', years(from), years(to), effect)];
}

function adoption(move: Move): Difference[] {
  if (move.question.adoptionBetweenPartners !== true) return [];
  const [from, to] = [move.origin.ruleSet.adoptionException, move.destination.ruleSet.adoptionException];
  const effect = to === null ? 'to_confirm' : to ? 'kept' : 'lapses';
  return [told(move, 'adoption', 'adoptionException', allowed(from), allowed(to), effect)];
}

/** An alias that one member has recognised is a step of its own at the next. */
function alias(move: Move): Difference[] {
  if (move.question.aliasUsed !== true) return [];
  const rule = move.destination.ruleSet.aliasProof;
  const effect = rule === null ? 'to_confirm' : rule ? 'prove_again' : 'kept';
  return [told(move, 'alias', 'aliasProof', 'used', asked(rule), effect)];
}

function certificateFormats(move: Move): Difference[] {
  const { agreement, origin, destination } = move;
  const [from, to] = [origin.ruleSet.certificateFormats, destination.ruleSet.certificateFormats];
  const [before, after] = [from?.join(' ') ?? null, to?.join(' ') ?? null];
  // 継続使用: the same certificates go on.
  if (agreement.model === 'continued_use') {
    const { sources } = agreement;
    return [{ aspect: 'certificate_formats', origin: before, destination: before, effect: 'kept', sources }];
  }
  const kept = from !== null && to !== null && from.every((one) => to.includes(one));
  const effect = kept ? 'kept' : 'to_confirm';
  return [told(move, 'certificate_formats', 'certificateFormats', before, after, effect)];
}

/** A difference that the destination's rule decides. */
function told(
  { destination }: Move,
  aspect: Difference['aspect'],
  field: RuleField,
  from: string | null,
  to: string | null,
  effect: Difference['effect'],
): Difference {
  return { aspect, origin: from, destination: to, effect, sources: sourcesOf(destination.ruleSet, field) };
}

function asked(rule: boolean | null): string | null {
  if (rule === null) return null;
  return rule ? 'asked' : 'not_asked';
}

function allowed(rule: boolean | null): string | null {
  if (rule === null) return null;
  return rule ? 'allowed' : 'not_allowed';
}
