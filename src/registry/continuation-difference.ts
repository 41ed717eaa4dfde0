import type { Difference, Move } from './continuation-question.ts';
import { isInForce } from './japan-day.ts';
import { type AuthorityRecord, minAgeOn, type RuleSet } from './rule-set.ts';

type Compare = (move: Move) => Omit<Difference, 'sources'> | null;

/** What is compared, in the order in which a couple reads it. Only what concerns this couple is told. */
const COMPARED: readonly Compare[] = [
  schemeName,
  firstOathDate,
  residence,
  cohabitation,
  singleStatus,
  minimumAge,
  adoption,
  alias,
  familyMembers,
  certificateFormats,
];

/** What the couple keeps, loses, has to prove again or to ask about, each with the destination's sources. */
export function differencesOf(move: Move): Difference[] {
  return COMPARED.flatMap((compare) => {
    const difference = compare(move);
    if (difference === null) return [];
    // The agreement spares the oath, so it is the agreement that keeps the oath's date.
    const { sources } = difference.aspect === 'first_oath_date' ? move.agreement : move.destination.ruleSet;
    return [{ ...difference, sources }];
  });
}

function schemeName({ question, origin, destination }: Move) {
  const name = ({ schemes }: AuthorityRecord) =>
    schemes.find((one) => isInForce(one, question.on))?.name ?? null;
  return {
    aspect: 'scheme_name',
    origin: name(origin.authority),
    destination: name(destination.authority),
    effect: 'kept',
  } as const;
}

function firstOathDate({ question }: Move) {
  const date = question.oathDate ?? null;
  return { aspect: 'first_oath_date', origin: date, destination: date, effect: 'kept' } as const;
}

function residence({ origin, destination }: Move) {
  const [from, to] = [origin.ruleSet.residence, destination.ruleSet.residence];
  const effect = to === null ? 'to_confirm' : 'prove_again';
  return { aspect: 'residence', origin: from, destination: to, effect } as const;
}

function cohabitation({ origin, destination }: Move) {
  const [from, to] = [origin.ruleSet.cohabitation, destination.ruleSet.cohabitation];
  if (to === false) return null;
  const effect = to === null ? 'to_confirm' : 'prove_again';
  return { aspect: 'cohabitation', origin: asked(from), destination: asked(to), effect } as const;
}

/** The proof is waived, but a destination that also counts a 事実婚 wants that declared. */
function singleStatus({ question, origin, destination }: Move) {
  const [from, to] = [origin.ruleSet.single.deFactoSpouse, destination.ruleSet.single.deFactoSpouse];
  const stricter = to === true && from !== true;
  const effect = stricter && question.deFactoSpouse === undefined ? 'to_confirm' : 'kept';
  return { aspect: 'single_status', origin: asked(from), destination: asked(to), effect } as const;
}

function minimumAge({ question, origin, destination }: Move) {
  const [from, to] = [minAgeOn(origin.ruleSet, question.on), minAgeOn(destination.ruleSet, question.on)];
  if (from !== null && to !== null && to <= from) return null;
  const effect = from === null || to === null ? 'to_confirm' : 'prove_again';
  return {
    aspect: 'minimum_age',
    origin: from?.toString() ?? null,
    destination: to?.toString() ?? null,
    effect,
  } as const;
}

function adoption({ question, origin, destination }: Move) {
  if (question.adoptionBetweenPartners !== true) return null;
  const [from, to] = [origin.ruleSet.adoptionException, destination.ruleSet.adoptionException];
  const effect = to === null ? 'to_confirm' : to ? 'kept' : 'lapses';
  return { aspect: 'adoption', origin: allowed(from), destination: allowed(to), effect } as const;
}

/** No member publishes how it treats an alias that another has recognised; elsewhere it is a step of its own. */
function alias({ question }: Move) {
  if (question.aliasUsed !== true) return null;
  return { aspect: 'alias', origin: 'used', destination: null, effect: 'to_confirm' } as const;
}

function familyMembers({ question, origin, destination }: Move) {
  const from = namedFamily(origin.ruleSet);
  if (question.familyMembers !== true || from === 'none') return null;
  const to = namedFamily(destination.ruleSet);
  const effect = to === null ? 'to_confirm' : to === 'none' ? 'lapses' : 'prove_again';
  return { aspect: 'family_members', origin: from, destination: to, effect } as const;
}

function certificateFormats({ origin, destination }: Move) {
  const [from, to] = [origin.ruleSet.certificateFormats, destination.ruleSet.certificateFormats];
  const kept = from !== null && to !== null && from.every((one) => to.includes(one));
  return {
    aspect: 'certificate_formats',
    origin: from?.join(' ') ?? null,
    destination: to?.join(' ') ?? null,
    effect: kept ? 'kept' : 'to_confirm',
  } as const;
}

function namedFamily({ familyship }: RuleSet): string | null {
  if (familyship === null) return null;
  return familyship.length === 0 ? 'none' : familyship.join(' ');
}

function asked(rule: boolean | null): string | null {
  if (rule === null) return null;
  return rule ? 'asked' : 'not_asked';
}

function allowed(rule: boolean | null): string | null {
  if (rule === null) return null;
  return rule ? 'allowed' : 'not_allowed';
}
