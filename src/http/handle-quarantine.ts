import { carryOutOnce } from '../audit/command-log.ts';
import { enterQuarantine, findWitnesses, readStanding } from '../federation/standing-store.ts';
import { decideWaiver, proposeWaiver } from '../federation/waive-answer.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Operations = 'getQuarantine' | 'enterQuarantine' | 'proposeWaiver' | 'decideWaiver';
type Schemas = components['schemas'];

export function quarantineHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, entityId } = node;
  return {
    async getQuarantine() {
      return { status: 200, body: await quarantineBody(node) };
    },

    async enterQuarantine({ actor, idempotency }) {
      const answer = await carryOutOnce(
        db,
        clock,
        command('enterQuarantine', actor, idempotency),
        async (trx) => {
          const generation = await enterQuarantine(trx, clock, { cause: 'operator', self: entityId, actor });
          return { status: 201, body: { generation } };
        },
      );
      node.wake('quarantine');
      return { status: 201, body: answer.body as { generation: number } };
    },

    async proposeWaiver({ body, actor, idempotency }) {
      const { members: codes, reason } = body;
      const answer = await proposeWaiver(node, command('proposeWaiver', actor, idempotency), {
        codes,
        reason,
      });
      return { status: 201, body: answer.body as Schemas['QuarantineWaiver'] };
    },

    async decideWaiver({ params, body, actor, idempotency }) {
      const { waiverId } = params;
      const answer = await decideWaiver(
        node,
        command('decideWaiver', actor, idempotency),
        waiverId,
        body.decision,
      );
      node.wake('outbox');
      return { status: 200, body: answer.body as Schemas['QuarantineWaiver'] };
    },
  };
}

/** How far a quarantine has come, for whoever has to bring it to its end. */
export async function quarantineBody({ db }: Pick<NodeParts, 'db'>): Promise<Schemas['Quarantine']> {
  const { generation, inService, cause, since } = await readStanding(db);
  const witnesses = await findWitnesses(db, generation);
  const waivers = await db
    .selectFrom('quarantine_waiver')
    .select(['id', 'state', 'codes', 'reason'])
    .where('generation', '=', generation)
    .orderBy('proposed_at')
    .execute();
  return {
    standing: inService ? 'in_service' : 'quarantined',
    generation,
    ...(cause && since ? { cause, since: since.toISOString() } : {}),
    members: witnesses.map(({ code, answered, waived, fault }) => ({
      code,
      state: answered ? 'answered' : waived ? 'waived' : 'awaited',
      ...(fault === undefined ? {} : { fault }),
    })),
    waivers: waivers.map((row) => ({
      waiverId: row.id,
      state: row.state as 'proposed',
      members: row.codes as string[],
      reason: row.reason as 'member_destroyed',
    })),
  };
}
