import type { PartnerPosition } from '../kernel/role.ts';
import { type CoupleFacts, partnersOf, type Residence } from './couple-facts.ts';
import { daysAfter, type JapanDay, monthsAfter } from './japan-day.ts';
import { periodAfter } from './open-days.ts';
import { type Assessment, type Finding, gathered, type Remedy } from './requirement.ts';
import {
  type AuthorityRecord,
  isUnconfirmed,
  type OpenDayCalendar,
  type RuleSet,
  sourcesOf,
} from './rule-set.ts';
import { servesResidentsOf } from './served-area.ts';

/** What is asked of one partner's address: `fits` may still leave a point open. */
type Standing =
  | { readonly fits: true; readonly toConfirm: boolean }
  | { readonly fits: false; readonly finding: Finding['finding']; readonly remedies: readonly Remedy[] };

/**
 * The residence rule: one partner or both, resident or also moving in. With "one" it is enough that one fits; only if
 * neither does, both partners' findings are told, so that the couple sees the shorter way.
 */
export function assessResidence(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  facts: CoupleFacts,
  on: JapanDay,
): Partial<Assessment> {
  const sources = sourcesOf(ruleSet, 'residence');
  const note = { requirement: 'residence', sources } as const;
  if (ruleSet.residence === null) return { toConfirm: [note] };
  const movingInCounts = ruleSet.residence !== 'both_resident';
  const onlyOneNeeded = ruleSet.residence === 'one_resident_or_moving_in';
  const standings = partnersOf(facts).map(([position, partner]) => {
    const standing = standingOf(partner.residence, ruleSet, authority, movingInCounts, onlyOneNeeded, on);
    return [position, standing] as const;
  });
  const fitting = standings.filter(([, one]) => one.fits);
  const met = onlyOneNeeded ? fitting.length > 0 : fitting.length === standings.length;
  const open = onlyOneNeeded
    ? fitting.every(([, one]) => one.fits && one.toConfirm)
    : fitting.some(([, one]) => one.fits && one.toConfirm);
  const toConfirm = isUnconfirmed(ruleSet, 'residence') || (met && open) ? [note] : [];
  return gathered([{ toConfirm }, { unmet: met ? [] : standings.flatMap((one) => unmetBy(one, sources)) }]);
}

function standingOf(
  residence: Residence | null,
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  movingInCounts: boolean,
  onlyOneNeeded: boolean,
  on: JapanDay,
): Standing {
  if (residence === null) return { fits: false, finding: 'unknown', remedies: ['state:residence'] };
  const comeBack: Remedy = onlyOneNeeded ? 'come_back:when_one_lives_here' : 'come_back:when_both_live_here';
  const away: Standing = { fits: false, finding: 'unmet', remedies: [comeBack, 'bring:residence_record'] };
  if (residence.status === 'elsewhere') return away;
  const served = servesResidentsOf(authority, residence.municipality, on);
  if (served === 'no') return away;
  if (residence.status === 'resident') return { fits: true, toConfirm: served === 'to_confirm' };
  if (!movingInCounts) return away;
  return standingOfMove(residence, ruleSet, authority.calendar, served === 'to_confirm', on);
}

function standingOfMove(
  move: Extract<Residence, { status: 'moving_in' }>,
  ruleSet: RuleSet,
  calendar: OpenDayCalendar,
  servedToConfirm: boolean,
  on: JapanDay,
): Standing {
  if (move.plannedOn === null)
    return { fits: false, finding: 'unknown', remedies: ['state:planned_move_date'] };
  // A planned day that has passed: the move has happened, or the plan has changed. Either way the record tells.
  if (move.plannedOn < on) return { fits: false, finding: 'unknown', remedies: ['bring:residence_record'] };
  if (move.proofSeen === false)
    return { fits: false, finding: 'unmet', remedies: ['bring:moving_certificate'] };
  const due = residenceProofDue(ruleSet, on, calendar);
  if (due.confirmed && move.plannedOn > due.on) {
    return { fits: false, finding: 'unmet', remedies: ['come_back:closer_to_the_move'] };
  }
  return { fits: true, toConfirm: servedToConfirm || !due.confirmed || move.proofSeen === null };
}

function unmetBy(
  [position, standing]: readonly [PartnerPosition, Standing],
  sources: readonly string[],
): Finding[] {
  if (standing.fits) return [];
  const { finding, remedies } = standing;
  return [{ requirement: 'residence', concerns: position, finding, sources, remedies }];
}

/**
 * By when a couple that swore before the move shows its new address. Where the authority's period is not known, three
 * months, as most authorities elsewhere allow, and `confirmed: false`; so too a period in open days of a calendar that
 * is not confirmed, or that ends before the period: then it is given in plain days, which can only be earlier.
 */
export function residenceProofDue(
  ruleSet: RuleSet,
  oathDate: JapanDay,
  calendar: OpenDayCalendar,
): { on: JapanDay; confirmed: boolean } {
  const within = ruleSet.moveInProofWithin;
  if (within === null) return { on: monthsAfter(oathDate, 3), confirmed: false };
  const calendarAsked = within.unit === 'open_day';
  const confirmed = !isUnconfirmed(ruleSet, 'moveInProofWithin') && !(calendarAsked && calendar.unconfirmed);
  try {
    return { on: periodAfter(calendar, oathDate, within), confirmed };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { on: daysAfter(oathDate, within.n), confirmed: false };
  }
}
