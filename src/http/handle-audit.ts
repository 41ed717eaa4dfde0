import { appendEvent, type LoggedEvent, queryEvents } from '../audit/audit-log.ts';
import { checkLog } from '../audit/seal-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { components } from './api.generated.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

const PAGE = 200;

export function auditHandlers(node: NodeParts): Handlers<'queryAuditEvents' | 'checkAuditIntegrity'> {
  const { db, clock, logSigner } = node;
  return {
    async queryAuditEvents({ query, actor }) {
      const limit = query.limit ?? PAGE;
      const { record, actor: by, type, after } = query;
      const events = await inTransaction(db, async (trx) => {
        // Reading the log is itself in the log: which filters were set, not their values.
        const found = await queryEvents(trx, {
          record,
          actor: by,
          type,
          after,
          limit,
          from: instant('from', query.from),
          to: instant('to', query.to),
        });
        await appendEvent(trx, clock, {
          type: 'audit_queried',
          actor,
          visibility: 'staff',
          facts: { filters: Object.keys(query).sort() },
        });
        return found;
      });
      const last = events.at(-1);
      return {
        status: 200,
        body: {
          events: events.map(eventBody),
          ...(events.length === limit && last ? { next: last.sequence } : {}),
        },
      };
    },

    async checkAuditIntegrity({ actor }) {
      const integrity = await checkLog(db, logSigner);
      await inTransaction(db, (trx) =>
        appendEvent(trx, clock, {
          type: 'audit_checked',
          actor,
          visibility: 'staff',
          facts: { intact: integrity.intact },
        }),
      );
      return { status: 200, body: integrity };
    },
  };
}

/** A leap second is well-formed (RFC 3339 §5.7), but neither JavaScript nor PostgreSQL has that moment. */
function instant(name: 'from' | 'to', text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new Refusal('request_malformed', {
      pointer: `/query/${name}`,
      rule: 'format',
      allowed: 'date-time',
    });
  return at;
}

function eventBody(event: LoggedEvent): components['schemas']['AuditEvent'] {
  const { sequence, at, type, actor, record, position, purpose, outcome, facts, leafHash } = event;
  return {
    sequence,
    at: at.toISOString(),
    type,
    actor: { kind: actor.kind, subject: actor.subject, ...(actor.role ? { role: actor.role } : {}) },
    ...(record ? { record: { ...record } } : {}),
    ...(position ? { position } : {}),
    ...(purpose ? { purpose } : {}),
    outcome,
    facts,
    leafHash: leafHash.toString('base64url'),
  };
}
