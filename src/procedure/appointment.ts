import { Refusal } from '../kernel/refusal.ts';
import { daysAfter, type JapanDay } from '../registry/japan-day.ts';
import { isOpenDay, openDaysAfter, periodAfter } from '../registry/open-days.ts';
import type { OpenDayCalendar, RuleSet } from '../registry/rule-set.ts';
import type { Appointment } from './procedure-store.ts';

/** Where the authority's hours are not known: as most counters are open, from the first to before the last (要確認). */
const USUAL_HOURS = { from: '09:00', before: '17:00' } as const;
/** Farther ahead nobody plans, and the calendar's special days are not set yet. */
const LONGEST_AHEAD_DAYS = 366;

/**
 * Whether the day and time can be booked at all; whether they are still free only the store can tell.
 *
 * @throws Refusal `appointment_too_soon` before the authority's lead has passed; `appointment_on_closed_day` on a closed
 *   day, outside the slots, or more than a year ahead; each with the earliest day that can be booked
 */
export function requireBookable(
  { reservationLead, appointmentSlots }: Pick<RuleSet, 'reservationLead' | 'appointmentSlots'>,
  calendar: OpenDayCalendar,
  { on, at }: Appointment,
  today: JapanDay,
): void {
  const afterLead = reservationLead === null ? today : periodAfter(calendar, today, reservationLead);
  const earliestOn = openDaysAfter(calendar, afterLead, 0);
  if (on < earliestOn) throw new Refusal('appointment_too_soon', { earliestOn });
  if (on > daysAfter(today, LONGEST_AHEAD_DAYS) || !isOpenDay(calendar, on) || !isSlot(appointmentSlots, at))
    throw new Refusal('appointment_on_closed_day', {
      earliestOn: on > daysAfter(today, LONGEST_AHEAD_DAYS) ? earliestOn : openDaysAfter(calendar, on, 0),
    });
}

function isSlot(slots: readonly string[] | null, at: string): boolean {
  return slots === null ? USUAL_HOURS.from <= at && at < USUAL_HOURS.before : slots.includes(at);
}
