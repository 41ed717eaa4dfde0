import type { Move, Relocation } from './continuation-question.ts';
import { isInForce } from './japan-day.ts';
import { kinshipBar } from './kinship.ts';
import type { Finding, Remedy, Requirement, ToConfirm } from './requirement.ts';
import { isUnconfirmed, sourcesOf } from './rule-set.ts';

type Part = { readonly reasons?: readonly Finding[]; readonly toConfirm?: readonly ToConfirm[] };

export type ContinuationCheck = {
  readonly reasons: readonly Finding[];
  readonly toConfirm: readonly ToConfirm[];
  /** Whether the destination's own rules leave an oath open; null: a fact or a rule that decides is not known. */
  readonly newOathOpen: boolean | null;
};

/** What the agreement asks of whoever relies on it. */
const CHECKS_OF_THE_AGREEMENT: readonly ((move: Move) => Part)[] = [
  certificateOfMember,
  eligibleUnderAgreement,
  onePartnerMoves,
];

/** What the destination asks of every couple, so that it would stop a new oath there as well. */
const CHECKS_OF_THE_DESTINATION: readonly ((move: Relocation) => Part)[] = [
  sexualMinority,
  residence,
  cohabitation,
  deFactoSpouse,
  adoption,
];

/** Everything that speaks against a continuation under this agreement, or leaves it open, for this couple on this day. */
export function reasonsAgainst(move: Move): ContinuationCheck {
  const ofAgreement = joined(CHECKS_OF_THE_AGREEMENT.map((check) => check(move)));
  const ofDestination = reasonsAgainstOath(move);
  return {
    reasons: [...ofAgreement.reasons, ...ofDestination.reasons],
    toConfirm: [...ofAgreement.toConfirm, ...ofDestination.toConfirm],
    newOathOpen: ofDestination.newOathOpen,
  };
}

/** Everything that would speak against a new oath at the destination, as far as the answers tell. */
export function reasonsAgainstOath(relocation: Relocation): ContinuationCheck {
  const { reasons, toConfirm } = joined(CHECKS_OF_THE_DESTINATION.map((check) => check(relocation)));
  const barred = reasons.some(({ finding }) => finding === 'unmet');
  return { reasons, toConfirm, newOathOpen: barred ? false : reasons.length > 0 ? null : true };
}

function joined(parts: readonly Part[]): Required<Part> {
  return {
    reasons: parts.flatMap((part) => part.reasons ?? []),
    toConfirm: parts.flatMap((part) => part.toConfirm ?? []),
  };
}

/** An oath dated before the origin's scheme began cannot stand on one of its certificates. */
function certificateOfMember({ question, agreement, origin }: Move): Part {
  const { oathDate, on } = question;
  if (!agreement.eligible.holdsCertificateOfMember || oathDate === undefined) return {};
  if (oathDate <= on && origin.authority.schemes.some((one) => isInForce(one, oathDate))) return {};
  const { sources } = origin.ruleSet;
  return { reasons: [reason('certificate_of_member', 'unknown', sources, 'ask:origin')] };
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
  return { reasons: [reason('eligible_under_agreement', finding, agreement.sources, remedy)] };
}

/** The agreement may ask that both move. Where it does not say, the destination's own residence rule decides alone. */
function onePartnerMoves({ question, agreement }: Move): Part {
  if (question.bothResidentAtDestination ?? question.moving === 'both') return {};
  const { sources } = agreement;
  if (agreement.onePartnerMoves === null)
    return { toConfirm: [{ requirement: 'one_partner_moves', sources }] };
  if (agreement.onePartnerMoves) return {};
  return { reasons: [reason('one_partner_moves', 'unmet', sources, 'keep:origin_certificate')] };
}

function sexualMinority(relocation: Relocation): Part {
  const { ruleSet } = relocation.destination;
  if (ruleSet.sexualMinority === 'not_required') return {};
  const declared = declarationOf(relocation);
  if (declared === 'declared') return {};
  const sources = sourcesOf(ruleSet, 'sexualMinority');
  if (ruleSet.sexualMinority === null) return { toConfirm: [{ requirement: 'sexual_minority', sources }] };
  const finding = declared === 'unknown' ? 'unknown' : 'unmet';
  return { reasons: [reason('sexual_minority', finding, sources, 'declare:sexual_minority')] };
}

function declarationOf({ question, origin }: Relocation): 'declared' | 'not_declared' | 'unknown' {
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

function residence({ question, destination: { ruleSet } }: Relocation): Part {
  const sources = sourcesOf(ruleSet, 'residence');
  const open = ruleSet.residence === null || isUnconfirmed(ruleSet, 'residence');
  const toConfirm = noteIf(open, 'residence', sources);
  const both = question.bothResidentAtDestination ?? question.moving === 'both';
  if (ruleSet.residence === null || ruleSet.residence === 'one_resident_or_moving_in' || both)
    return { toConfirm };
  const remedies: Remedy[] = ['come_back:when_both_live_here', 'keep:origin_certificate'];
  return { reasons: [reason('residence', 'unmet', sources, ...remedies)], toConfirm };
}

function cohabitation({ question, destination: { ruleSet } }: Relocation): Part {
  if (ruleSet.cohabitation === false || question.cohabitingAtDestination === true) return {};
  const sources = sourcesOf(ruleSet, 'cohabitation');
  const open = ruleSet.cohabitation === null || isUnconfirmed(ruleSet, 'cohabitation');
  const toConfirm = noteIf(open, 'cohabitation', sources);
  if (ruleSet.cohabitation === null) return { toConfirm };
  const apart =
    question.cohabitingAtDestination === false ||
    !(question.bothResidentAtDestination ?? question.moving === 'both');
  return {
    reasons: [
      apart
        ? reason('cohabitation', 'unmet', sources, 'come_back:when_living_together')
        : reason('cohabitation', 'unknown', sources, 'declare:cohabitation'),
    ],
    toConfirm,
  };
}

function deFactoSpouse({ question, destination: { ruleSet } }: Relocation): Part {
  const rule = ruleSet.single.deFactoSpouse;
  if (question.deFactoSpouse !== true || rule === false) return {};
  const sources = sourcesOf(ruleSet, 'single.deFactoSpouse');
  if (rule === null) return { toConfirm: [{ requirement: 'no_de_facto_spouse', sources }] };
  return { reasons: [reason('no_de_facto_spouse', 'unmet', sources, 'ask:destination')] };
}

/**
 * A couple that is kin only by its own adoption. Here an unknown exception decides, and nobody should move house on a
 * guess: it is a reason of its own, `unknown`, where an oath at the counter would only note it.
 */
function adoption({ question, destination: { ruleSet } }: Relocation): Part {
  if (question.adoptionBetweenPartners !== true) return {};
  const kinship = { degree: 'lineal', throughAdoptionBetweenPartners: true } as const;
  const bar = kinshipBar(ruleSet.kinRule, ruleSet.adoptionException, kinship);
  if (bar === 'free') return {};
  const finding = bar === 'barred' ? 'unmet' : 'unknown';
  const sources = sourcesOf(ruleSet, 'adoptionException');
  return { reasons: [reason('kinship', finding, sources, 'ask:destination')] };
}

function reason(
  requirement: Requirement,
  finding: Finding['finding'],
  sources: readonly string[],
  ...remedies: readonly Remedy[]
): Finding {
  return { requirement, concerns: 'both', finding, sources, remedies };
}

function noteIf(applies: boolean, requirement: Requirement, sources: readonly string[]): ToConfirm[] {
  return applies ? [{ requirement, sources }] : [];
}
