import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { SKEW_SECONDS } from '../federation/member-directory.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { consentToTransfer, refuseConsent } from '../transfer/consent-to-transfer.ts';
import { decideTransfer } from '../transfer/decide-transfer.ts';
import { openTransfer } from '../transfer/open-transfer.ts';
import { requireWay } from '../transfer/paper-case.ts';
import { submitApplication } from '../transfer/submit-application.ts';
import {
  findTransfer,
  listTransfers,
  requireTransfer,
  type TransferRow,
} from '../transfer/transfer-store.ts';
import { withdrawTransfer } from '../transfer/withdraw-transfer.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { summaryBody, transferBody } from './transfer-body.ts';

type Schemas = components['schemas'];

type TransferOperations =
  | 'listTransfers'
  | 'openTransfer'
  | 'getTransfer'
  | 'submitTransferApplication'
  | 'consentToTransfer'
  | 'decideTransfer'
  | 'withdrawTransfer';

export function departedByCode({ directory }: NodeParts, code: AuthorityCode) {
  const found = directory.departed().find(({ member }) => member.code === code);
  if (!found || found.standing.state === 'active') return undefined;
  const { state, on: since, successor } = found.standing;
  const name = successor === null ? undefined : directory.history.member(successor)?.names.at(-1);
  return { state, since, ...(name && { successor: { ja: name.ja, en: name.en } }) };
}

export function transferHandlers(node: NodeParts): Handlers<TransferOperations> {
  const { db, clock, vault } = node;
  const deps = node.transferDeps;
  const consentDeps = {
    db,
    clock,
    vault,
    trust: () => node.directory.trustView(),
    skewSeconds: SKEW_SECONDS,
    protocol: deps,
  };

  return {
    async listTransfers({ query }) {
      const rows = await listTransfers(db, {
        side: query.side,
        state: query.state,
        limit: query.limit ?? 50,
      });
      return { status: 200, body: { transfers: rows.map((row) => summaryBody(node, row)) } };
    },

    async openTransfer({ body, actor, idempotency }) {
      const openDeps = {
        db,
        clock,
        vault,
        authority: node.authority,
        rules: deps.rules,
        memberByCode: (code: AuthorityCode) => node.directory.memberByCode(code),
        departedByCode: (code: AuthorityCode) => departedByCode(node, code),
      };
      const answer = await openTransfer(
        openDeps,
        command('openTransfer', actor, idempotency),
        body.origin as AuthorityCode,
      );
      return {
        status: 201,
        body: summaryBody(node, await requireTransfer(db, String(answer.body.transferId))),
      };
    },

    async getTransfer({ params, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      await inTransaction(db, (trx) =>
        appendEvent(trx, clock, {
          type: 'transfer_read',
          actor,
          record: { kind: 'transfer', id: row.id },
          visibility: visibilityFor(actor),
          facts: {},
        }),
      );
      return { status: 200, body: await transferBody(node, row, actor) };
    },

    async submitTransferApplication({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      await submitApplication(deps, actor, row.id, body);
      return { status: 200, body: await transferBody(node, await requireTransfer(db, row.id), actor) };
    },

    async consentToTransfer({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      requireWay(row, 'by_node');
      const { position, method, evidenceSha256 } = whoConsents(actor, body);
      if (body.decision === 'refuse') {
        await refuseConsent(consentDeps, actor, row.id, position);
      } else {
        const certificate = required(body.certificate, '/certificate');
        const textVersion = required(body.textVersion, '/textVersion');
        await consentToTransfer(consentDeps, actor, row.id, {
          position,
          method,
          evidenceSha256,
          textVersion,
          certificate,
          withdrawOther: body.withdrawOther,
        });
        node.wake('outbox');
      }
      return { status: 200, body: await transferBody(node, await requireTransfer(db, row.id), actor) };
    },

    async decideTransfer({ params, body, actor, idempotency }) {
      const wanted = { decision: body.decision, reasons: body.reasons ?? [] };
      await decideTransfer(deps, command('decideTransfer', actor, idempotency), params.transferId, wanted);
      node.wake('outbox');
      return { status: 200, body: summaryBody(node, await requireTransfer(db, params.transferId)) };
    },

    async withdrawTransfer({ params, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      await withdrawTransfer(deps, actor, row.id);
      node.wake('outbox');
      return { status: 200, body: summaryBody(node, await requireTransfer(db, row.id)) };
    },
  };
}

/** A partner sees one case, their own; any other is as if it were not there. */
export async function requireOwn({ db }: NodeParts, actor: Actor, transferId: string): Promise<TransferRow> {
  const row = await findTransfer(db, transferId);
  if (!row) throw new Refusal('record_not_found', {});
  if (actor.kind === 'partner') {
    const { kind, id } = actor.scope.record;
    const own = kind === 'transfer' ? id === row.id : id === row.registrationId;
    if (!own) throw new Refusal('record_not_found', {});
  }
  return row;
}

/** What a partner looks at alone is their own affair; that the counter looked is both partners'. */
function visibilityFor(actor: Actor): 'acting' | 'both' {
  return actor.kind === 'partner' ? 'acting' : 'both';
}

export function whoConsents(
  actor: Actor,
  body: Pick<Schemas['ConsentRequest'], 'decision' | 'position' | 'counterEvidence'>,
): { position: PartnerPosition; method: 'session' | 'counter'; evidenceSha256: string | null } {
  if (actor.kind === 'partner') {
    if (body.position !== undefined && body.position !== actor.scope.position) {
      throw new Refusal('request_malformed', { pointer: '/position', rule: 'own_position' });
    }
    return { position: actor.scope.position, method: 'session', evidenceSha256: null };
  }
  const position = required(body.position, '/position');
  // A partner may refuse by word of mouth; a consent at the counter rests on the sheet that was signed.
  const evidence =
    body.decision === 'consent' ? required(body.counterEvidence, '/counterEvidence').signedSheetSha256 : null;
  return { position, method: 'counter', evidenceSha256: evidence };
}

export function required<Value>(value: Value | undefined, pointer: string): Value {
  if (value === undefined) throw new Refusal('request_malformed', { pointer, rule: 'required' });
  return value;
}
