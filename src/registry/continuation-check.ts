import type { Move } from './continuation-question.ts';
import { isInForce } from './japan-day.ts';
import { kinshipBar } from './kinship.ts';
import type { Finding, Remedy, Requirement, ToConfirm } from './requirement.ts';
import { isUnconfirmed } from './rule-set.ts';

/** One reason, and whether it would stop a new oath at the destination as well. */
type Reason = Finding & { readonly alsoAgainstOath: boolean };
type Part = { readonly reasons?: readonly Reason[]; readonly toConfirm?: readonly ToConfirm[] };

export type ContinuationCheck = {
  readonly reasons: readonly Finding[];
  readonly toConfirm: readonly ToConfirm[];
  readonly newOathOpen: boolean | null;
};

const CHECKS: readonly ((move: Move) => Part)[] = [
  certificateOfMember,
  eligibleUnderAgreement,
  sexualMinority,
  residence,
  onePartnerMoves,
  cohabitation,
  deFactoSpouse,
  adoption,
];

/** Everything that speaks against a continuation, or leaves it open, for this couple on this day. */
export function reasonsAgainst(move: Move): ContinuationCheck {
  const parts = CHECKS.map((check) => check(move));
  const reasons = parts.flatMap((part) => part.reasons ?? []);
  const against = reasons.filter(({ alsoAgainstOath }) => alsoAgainstOath);
  return {
    reasons: reasons.map(({ alsoAgainstOath: _, ...finding }) => finding),
    toConfirm: parts.flatMap((part) => part.toConfirm ?? []),
    newOathOpen: against.some(({ finding }) => finding === 'unmet')
      ? false
      : against.length > 0
        ? null
        : true,
  };
}

/** An oath dated before the origin's scheme began cannot stand on one of its certificates. */
function certificateOfMember({ question, agreement, origin }: Move): Part {
  const { oathDate, on } = question;
  if (!agreement.eligible.holdsCertificateOfMember || oathDate === undefined) return {};
  if (oathDate <= on && origin.authority.schemes.some((one) => isInForce(one, oathDate))) return {};
  const sources = origin.ruleSet.sources;
  return { reasons: [reason('certificate_of_member', 'unknown', sources, false, 'ask:origin')] };
}

/**
 * The agreement's eligible class. Where every rule set under which the couple can have sworn demanded the declaration,
 * the oath itself says that it was made, and the couple need not be asked again.
 */
function eligibleUnderAgreement(move: Move): Part {
  const { agreement } = move;
  if (agreement.eligible.sexualMinority === 'not_required') return {};
  const declared = declarationOf(move);
  if (declared === 'declared') return {};
  const [finding, remedy] =
    declared === 'unknown'
      ? (['unknown', 'declare:sexual_minority'] as const)
      : (['unmet', 'swear:new_oath'] as const);
  return { reasons: [reason('eligible_under_agreement', finding, agreement.sources, false, remedy)] };
}

function sexualMinority(move: Move): Part {
  const { sexualMinority: rule, sources } = move.destination.ruleSet;
  if (rule === 'not_required') return {};
  const declared = declarationOf(move);
  if (declared === 'declared') return {};
  if (rule === null) return { toConfirm: [{ requirement: 'sexual_minority', sources }] };
  const finding = declared === 'unknown' ? 'unknown' : 'unmet';
  return { reasons: [reason('sexual_minority', finding, sources, true, 'declare:sexual_minority')] };
}

function declarationOf({ question, origin }: Move): 'declared' | 'not_declared' | 'unknown' {
  const told = question.sexualMinority ?? 'unknown';
  if (told !== 'unknown') return told;
  const { oathDate, on } = question;
  const swornUnder = origin.authority.ruleSets.filter((one) =>
    oathDate === undefined ? one.validFrom <= on : isInForce(one, oathDate),
  );
  const certain = swornUnder.every(
    (one) =>
      one.sexualMinority === 'at_least_one' &&
      !isUnconfirmed(one, 'sexualMinority') &&
      !(['validFrom', 'validTo'] as const).some((boundary) => isUnconfirmed(one, boundary)),
  );
  return certain && swornUnder.length > 0 ? 'declared' : 'unknown';
}

function residence({ question, destination }: Move): Part {
  const { residence: rule, sources } = destination.ruleSet;
  const toConfirm = noteIf(
    rule === null || isUnconfirmed(destination.ruleSet, 'residence'),
    'residence',
    sources,
  );
  const both = question.bothResidentAtDestination ?? question.moving === 'both';
  if (rule === null || rule === 'one_resident_or_moving_in' || both) return { toConfirm };
  const remedies: Remedy[] = ['come_back:when_both_live_here', 'keep:origin_certificate'];
  return { reasons: [reason('residence', 'unmet', sources, true, ...remedies)], toConfirm };
}

/** The agreement may ask that both move. Where it does not say, the destination's own residence rule decides alone. */
function onePartnerMoves({ question, agreement }: Move): Part {
  if (question.bothResidentAtDestination ?? question.moving === 'both') return {};
  if (agreement.onePartnerMoves === null) {
    return { toConfirm: [{ requirement: 'one_partner_moves', sources: agreement.sources }] };
  }
  if (agreement.onePartnerMoves) return {};
  return {
    reasons: [reason('one_partner_moves', 'unmet', agreement.sources, false, 'keep:origin_certificate')],
  };
}

function cohabitation({ question, destination }: Move): Part {
  const { cohabitation: rule, sources } = destination.ruleSet;
  if (rule === false || question.cohabitingAtDestination === true) return {};
  const toConfirm = noteIf(
    rule === null || isUnconfirmed(destination.ruleSet, 'cohabitation'),
    'cohabitation',
    sources,
  );
  if (rule === null) return { toConfirm };
  const apart =
    question.cohabitingAtDestination === false ||
    !(question.bothResidentAtDestination ?? question.moving === 'both');
  return apart
    ? {
        reasons: [reason('cohabitation', 'unmet', sources, true, 'come_back:when_living_together')],
        toConfirm,
      }
    : { reasons: [reason('cohabitation', 'unknown', sources, true, 'declare:cohabitation')], toConfirm };
}

function deFactoSpouse({ question, destination }: Move): Part {
  if (question.deFactoSpouse !== true) return {};
  const { single, sources } = destination.ruleSet;
  if (single.deFactoSpouse === false) return {};
  if (single.deFactoSpouse === null) return { toConfirm: [{ requirement: 'no_de_facto_spouse', sources }] };
  return { reasons: [reason('no_de_facto_spouse', 'unmet', sources, true, 'ask:destination')] };
}

/**
 * A couple that is kin only by its own adoption. Here an unknown exception decides, and nobody should move house on a
 * guess: it is a reason of its own, `unknown`, where an oath at the counter would only note it.
 */
function adoption({ question, destination: { ruleSet } }: Move): Part {
  if (question.adoptionBetweenPartners !== true) return {};
  const kinship = { degree: 'lineal', throughAdoptionBetweenPartners: true } as const;
  const bar = kinshipBar(ruleSet.kinRule, ruleSet.adoptionException, kinship);
  if (bar === 'free') return {};
  const finding = bar === 'barred' ? 'unmet' : 'unknown';
  return { reasons: [reason('kinship', finding, ruleSet.sources, true, 'ask:destination')] };
}

function reason(
  requirement: Requirement,
  finding: Finding['finding'],
  sources: readonly string[],
  alsoAgainstOath: boolean,
  ...remedies: readonly Remedy[]
): Reason {
  return { requirement, concerns: 'both', finding, sources, remedies, alsoAgainstOath };
}

function noteIf(applies: boolean, requirement: Requirement, sources: readonly string[]): ToConfirm[] {
  return applies ? [{ requirement, sources }] : [];
}
