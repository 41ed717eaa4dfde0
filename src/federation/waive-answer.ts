import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import {
  findWitnesses,
  returnIfAnswered,
  takeStanding,
  updateWitness,
  type Witness,
} from './standing-store.ts';

export const WAIVER_REASONS = [
  'member_destroyed',
  'member_unreachable',
  'member_suspended',
  'evidence_unusable',
] as const;
export type WaiverReason = (typeof WAIVER_REASONS)[number];

type Deps = { readonly db: Db; readonly clock: Clock };

/**
 * Proposes to return to service without the answer of named members: a lost member must not stop a city for ever.
 *
 * The risk that is taken, and that both administrators accept: what this authority had handed over to a named member,
 * or received from it, and has forgotten, it takes for its own again, or does not know of. Until that member answers,
 * such a registration may have two holders, and nothing is decided together with it. All else is as safe as before.
 *
 * @throws Refusal `waiver_not_possible` where a member is named that need not be waived
 */
export async function proposeWaiver(
  { db, clock }: Deps,
  command: Command,
  { codes, reason }: { readonly codes: readonly string[]; readonly reason: WaiverReason },
): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    const { generation } = await takeStanding(trx);
    await requireUnanswered(trx, generation, codes);
    const row = await trx
      .insertInto('quarantine_waiver')
      .values({
        id: newId(clock),
        generation,
        state: 'proposed',
        codes: JSON.stringify(codes),
        reason,
        proposed_by: command.actor.subject,
        proposed_at: clock(),
      })
      .returning(['id', 'state', 'codes', 'reason'])
      .executeTakeFirstOrThrow();
    await appendEvent(trx, clock, {
      type: 'waiver_proposed',
      actor: command.actor,
      visibility: 'staff',
      facts: { waiverId: row.id, codes, reason },
    });
    return { status: 201, body: bodyOf(row) };
  });
}

/**
 * The second pair of eyes. Approved, the authority is back in service at once if nobody else is awaited.
 *
 * @throws Refusal `record_not_found`; `same_person_decides`; `waiver_state_conflict`, also where the quarantine it was
 *   proposed for has given way to another; `waiver_not_possible` where a member has answered meanwhile
 */
export async function decideWaiver(
  { db, clock }: Deps,
  command: Command,
  id: string,
  decision: 'approve' | 'decline',
): Promise<Answer> {
  return carryOutOnce(db, clock, command, async (trx) => {
    const { generation } = await takeStanding(trx);
    const proposed = await trx
      .selectFrom('quarantine_waiver')
      .select(['generation', 'state', 'codes', 'reason', 'proposed_by'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (!proposed) throw new Refusal('record_not_found', {});
    if (proposed.proposed_by === command.actor.subject) throw new Refusal('same_person_decides', {});
    const state = proposed.generation === generation ? proposed.state : 'outdated';
    if (state !== 'proposed') throw new Refusal('waiver_state_conflict', { state, allowed: ['proposed'] });
    const codes = proposed.codes as string[];
    if (decision === 'approve') await waive(trx, generation, codes, clock());
    const row = await trx
      .updateTable('quarantine_waiver')
      .set({
        state: decision === 'approve' ? 'approved' : 'declined',
        decided_by: command.actor.subject,
        decided_at: clock(),
      })
      .where('id', '=', id)
      .where('state', '=', 'proposed')
      .returning(['id', 'state', 'codes', 'reason'])
      .executeTakeFirstOrThrow();
    await appendEvent(trx, clock, {
      type: 'waiver_decided',
      actor: command.actor,
      visibility: 'staff',
      facts: { waiverId: id, codes, reason: row.reason, decision },
    });
    if (decision === 'approve') await returnIfAnswered(trx, clock, command.actor);
    return { status: 200, body: bodyOf(row) };
  });
}

async function waive(trx: Trx, generation: number, codes: readonly string[], at: Date): Promise<void> {
  for (const { entityId } of await requireUnanswered(trx, generation, codes))
    await updateWitness(trx, generation, entityId, { waivedAt: at });
}

async function requireUnanswered(
  trx: Trx,
  generation: number,
  codes: readonly string[],
): Promise<readonly Witness[]> {
  const open = (await findWitnesses(trx, generation)).filter(({ answered, waived }) => !answered && !waived);
  const allowed = open.map(({ code }) => code);
  if (codes.some((code) => !allowed.some((known) => known === code)))
    throw new Refusal('waiver_not_possible', { allowed });
  return open.filter(({ code }) => codes.includes(code));
}

function bodyOf(row: { id: string; state: string; codes: unknown; reason: string }): Answer['body'] {
  return { waiverId: row.id, state: row.state, members: row.codes as string[], reason: row.reason };
}
