import { sql } from 'kysely';
import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';

/** Why an authority cannot rely on its own memory. */
export type QuarantineCause = 'restored' | 'operator' | 'proven_by_member' | 'generation_known';

/** A member that has to say what it holds of ours. `fault`: it has answered, but not so that it counts. */
export type Witness = {
  readonly entityId: EntityId;
  readonly code: AuthorityCode;
  /** The last transfer that it has shown evidence of; the next question goes on from there. */
  readonly cursor: string | undefined;
  readonly answered: boolean;
  readonly waived: boolean;
  readonly fault: string | undefined;
};

export type NodeStanding = {
  readonly generation: number;
  readonly nonce: string;
  readonly inService: boolean;
  readonly cause: QuarantineCause | undefined;
  readonly since: Date | undefined;
};

const SYSTEM: Actor = { kind: 'system', subject: 'system' };

/**
 * Held shared by whatever is decided, and alone by what changes the standing: nothing is decided on a standing that
 * has just ended. It comes before every lock of the protocol, and ends with the transaction.
 */
async function lockStanding(trx: Trx, alone: boolean): Promise<void> {
  const lock = alone ? sql`pg_advisory_xact_lock` : sql`pg_advisory_xact_lock_shared`;
  await sql`select ${lock}(hashtextextended('standing', 0))`.execute(trx);
}

export async function readStanding(db: Db | Trx): Promise<NodeStanding> {
  const row = await db
    .selectFrom('node_standing')
    .select(['generation', 'nonce', 'cause', 'quarantined_at', 'returned_at'])
    .executeTakeFirstOrThrow();
  return {
    generation: row.generation,
    nonce: row.nonce,
    inService: row.quarantined_at === null || row.returned_at !== null,
    cause: (row.cause as QuarantineCause | null) ?? undefined,
    since: row.quarantined_at ?? undefined,
  };
}

/** @throws Refusal `node_quarantined`, with who has not answered: whoever is refused can tell whom to call */
export async function demandService(db: Db | Trx): Promise<void> {
  const { inService, generation, since } = await readStanding(db);
  if (inService) return;
  throw await outOfService(db, generation, since);
}

export async function outOfService(
  db: Db | Trx,
  generation: number,
  since: Date | undefined,
): Promise<Refusal<'node_quarantined'>> {
  const unanswered = (await findWitnesses(db, generation)).filter(({ answered }) => !answered);
  return new Refusal('node_quarantined', {
    since: since?.toISOString() ?? '',
    unanswered: unanswered.map(({ code }) => code),
  });
}

/** For a decision: the standing cannot change before the transaction ends. */
export async function holdStanding(trx: Trx): Promise<NodeStanding> {
  await lockStanding(trx, false);
  return readStanding(trx);
}

/** For what changes the standing, or counts on an answer of a member. */
export async function takeStanding(trx: Trx): Promise<NodeStanding> {
  await lockStanding(trx, true);
  return readStanding(trx);
}

export async function findWitnesses(db: Db | Trx, generation: number): Promise<Witness[]> {
  const rows = await db
    .selectFrom('quarantine_witness')
    .select(['entity_id', 'code', 'cursor', 'answered_at', 'waived_at', 'fault'])
    .where('generation', '=', generation)
    .orderBy('code')
    .execute();
  return rows.map((row) => ({
    entityId: row.entity_id as EntityId,
    code: row.code as AuthorityCode,
    cursor: row.cursor ?? undefined,
    answered: row.answered_at !== null,
    waived: row.waived_at !== null,
    fault: row.fault ?? undefined,
  }));
}

/** Whether what this member may still know of us is not known to us: then nothing is decided together with it. */
export async function awaitsAnswerOf(trx: Trx, generation: number, peer: EntityId): Promise<boolean> {
  const row = await trx
    .selectFrom('quarantine_witness')
    .select('entity_id')
    .where('generation', '=', generation)
    .where('entity_id', '=', peer)
    .where('answered_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

export type Entrance = {
  readonly cause: QuarantineCause;
  readonly self: EntityId;
  readonly actor?: Actor;
  /** The new generation is above this one too: somebody has seen it. */
  readonly above?: number;
};

/**
 * Takes this authority out of service, under a generation above every one that it or `above` knows. Every other member
 * that was ever known has to answer, a former one too. To enter again is safe at any time: all are asked anew.
 */
export async function enterQuarantine(
  trx: Trx,
  clock: Clock,
  { cause, self, actor = SYSTEM, above = 0 }: Entrance,
): Promise<number> {
  const { generation: known } = await takeStanding(trx);
  const generation = Math.max(known, above) + 1;
  const at = clock();
  await trx
    .updateTable('node_standing')
    .set({ generation, nonce: newRandomId(), cause, quarantined_at: at, returned_at: null })
    .execute();
  const witnesses = await trx
    .selectFrom('member')
    .select(['entity_id as entityId', 'code'])
    .where('entity_id', '<>', self)
    .orderBy('code')
    .execute();
  await addWitnesses(trx, generation, witnesses);
  await appendEvent(trx, clock, {
    type: 'quarantine_entered',
    actor,
    visibility: 'staff',
    facts: { cause, generation, witnesses: witnesses.map(({ code }) => code) },
  });
  return generation;
}

/** The restored database may be older than a membership: whoever is found to be a member has to answer too. */
export async function addWitnesses(
  trx: Trx,
  generation: number,
  members: readonly { readonly entityId: string; readonly code: string }[],
): Promise<void> {
  if (members.length === 0) return;
  await trx
    .insertInto('quarantine_witness')
    .values(members.map(({ entityId, code }) => ({ generation, entity_id: entityId, code })))
    .onConflict((conflict) => conflict.columns(['generation', 'entity_id']).doNothing())
    .execute();
}

export type WitnessChange = {
  readonly cursor?: string;
  readonly answeredAt?: Date;
  readonly waivedAt?: Date;
  readonly fault?: string | null;
};

export async function updateWitness(
  trx: Trx,
  generation: number,
  entityId: EntityId,
  change: WitnessChange,
): Promise<void> {
  await trx
    .updateTable('quarantine_witness')
    .set({
      ...(change.cursor === undefined ? {} : { cursor: change.cursor }),
      ...(change.answeredAt ? { answered_at: change.answeredAt } : {}),
      ...(change.waivedAt ? { waived_at: change.waivedAt } : {}),
      ...(change.fault === undefined ? {} : { fault: change.fault }),
    })
    .where('generation', '=', generation)
    .where('entity_id', '=', entityId)
    .execute();
}

/** @returns whether it is in service now: nobody is left who has neither answered nor been waived */
export async function returnIfAnswered(trx: Trx, clock: Clock, actor: Actor = SYSTEM): Promise<boolean> {
  const { generation, inService } = await takeStanding(trx);
  if (inService) return true;
  const witnesses = await findWitnesses(trx, generation);
  if (witnesses.some(({ answered, waived }) => !answered && !waived)) return false;
  await trx.updateTable('node_standing').set({ returned_at: clock() }).execute();
  await appendEvent(trx, clock, {
    type: 'quarantine_left',
    actor,
    visibility: 'staff',
    facts: {
      generation,
      waived: witnesses.filter(({ answered }) => !answered).map(({ code }) => code),
    },
  });
  return true;
}

/**
 * Held shared by a message of this peer and alone by its RECALL, so that no message of a past that the peer has lost
 * arrives between its being shown what it had signed and its generation being raised.
 */
export async function lockPeer(trx: Trx, peer: EntityId, alone = false): Promise<void> {
  const lock = alone ? sql`pg_advisory_xact_lock` : sql`pg_advisory_xact_lock_shared`;
  await sql`select ${lock}(hashtextextended(${`generation ${peer}`}, 0))`.execute(trx);
}

export type PeerGeneration = { readonly generation: number; readonly nonce: string };

export async function findPeerGeneration(trx: Trx, peer: EntityId): Promise<PeerGeneration> {
  const row = await trx
    .selectFrom('peer_generation')
    .select(['generation', 'nonce'])
    .where('entity_id', '=', peer)
    .executeTakeFirst();
  return row ?? { generation: 0, nonce: '' };
}

/** Never lowers it. A message tells the generation only; the RECALL tells the nonce too. */
export async function raisePeerGeneration(
  trx: Trx,
  peer: EntityId,
  { generation, nonce = '' }: { readonly generation: number; readonly nonce?: string },
  at: Date,
): Promise<void> {
  await trx
    .insertInto('peer_generation')
    .values({ entity_id: peer, generation, nonce, seen_at: at })
    .onConflict((conflict) =>
      conflict
        .column('entity_id')
        .doUpdateSet({ generation, nonce, seen_at: at })
        .where((where) =>
          where.or([
            where('peer_generation.generation', '<', generation),
            where.and([
              where('peer_generation.generation', '=', generation),
              where('peer_generation.nonce', '=', ''),
            ]),
          ]),
        ),
    )
    .execute();
}
