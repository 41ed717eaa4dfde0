import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { assessContinuation } from '../registry/eligibility.ts';
import type { Couple, Residence } from '../registry/registration-store.ts';
import type { Finding } from '../registry/requirement.ts';
import { agreementsBetween, authorityOf, requireRuleSet } from '../registry/rule-book.ts';
import type { Agreement, RuleBook } from '../registry/rule-set.ts';
import { type CoupleStatement, factsOf, type PartnerStatement } from '../registry/stated-facts.ts';

/** What a couple states when it asks for a continuation (継続申告書). Names and birth dates come from the certificates. */
export type Application = {
  readonly move: { readonly status: 'moved' | 'planned'; readonly on: string; readonly who: 'both' | 'one' };
  readonly partners: Couple<PartnerStatement & { readonly residence: Residence }>;
  readonly couple: CoupleStatement;
};

export type ContinuationRules = { readonly rules: RuleBook; readonly authority: AuthorityCode };

/**
 * Whether this authority's rules of the day, and the agreement with the origin, let the couple continue.
 *
 * @param birthDates null where not known yet: then the age stays open until the offer tells it
 * @returns every requirement that is not met; empty where the couple may continue
 */
export function assessApplication(
  { rules, authority: code }: ContinuationRules,
  {
    application,
    origin,
    on,
  }: { readonly application: Application; readonly origin: AuthorityCode; readonly on: string },
  birthDates: Couple<string | null>,
): readonly Finding[] {
  const ruleSet = requireRuleSet(rules, code, on);
  const authority = authorityOf(rules, code);
  const agreements = agreementsBetween(rules, origin, code, on).filter(carriesOathOver);
  if (!authority) return [noAgreement()];
  const facts = factsOf(application.partners, application.couple, birthDates);
  const assessed = agreements.map((agreement) => {
    const { unmet } = assessContinuation(ruleSet, authority, agreement, facts, on);
    return [...whoMoves(agreement, application), ...unmet].filter(
      (finding) => !isAgeStillOpen(finding, birthDates),
    );
  });
  // What stops a couple under the agreement that goes first may be open to it under the next.
  return assessed.find((unmet) => unmet.length === 0) ?? assessed[0] ?? [noAgreement()];
}

/** Where the agreement does not say (要確認), the destination's own residence rule decides alone. */
function whoMoves({ onePartnerMoves, sources }: Agreement, { move }: Application): readonly Finding[] {
  if (move.who === 'both' || onePartnerMoves !== false) return [];
  const remedies = ['keep:origin_certificate'] as const;
  return [{ requirement: 'one_partner_moves', concerns: 'both', finding: 'unmet', sources, remedies }];
}

/** An agreement that only spares documents of a new oath knows no continuation. */
function carriesOathOver({ model }: Agreement): boolean {
  return model !== 'new_oath_with_waiver';
}

function isAgeStillOpen(
  { requirement, concerns, finding }: Finding,
  birthDates: Couple<string | null>,
): boolean {
  if (requirement !== 'minimum_age' || finding !== 'unknown') return false;
  return concerns === 'both'
    ? birthDates.first === null || birthDates.second === null
    : birthDates[concerns] === null;
}

function noAgreement(): Finding {
  return {
    requirement: 'agreement',
    concerns: 'both',
    finding: 'unmet',
    sources: [],
    remedies: ['swear:new_oath'],
  };
}

/** @throws Refusal `continuation_not_possible` that lists every unmet requirement */
export function requireNothingUnmet(unmet: readonly Finding[]): void {
  if (unmet.length > 0) throw new Refusal('continuation_not_possible', { unmet });
}
