import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { consentToFiling, refuseFiling } from '../transfer/consent-to-filing.ts';
import { decideFiling, type FilingDecision } from '../transfer/decide-filing.ts';
import { openFiling } from '../transfer/open-filing.ts';
import { requireTransfer } from '../transfer/transfer-store.ts';
import { command } from './handle-registrations.ts';
import { departedByCode, required, requireOwn, whoConsents } from './handle-transfers.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { summaryBody, transferBody } from './transfer-body.ts';

type Operations = 'openFiling' | 'consentToFiling' | 'decideFiling';

/** Moves that a couple files where it leaves: the first two at the origin, the last at the destination. */
export function filingHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault, authority, transferDeps: deps } = node;
  return {
    async openFiling({ params, body, actor, idempotency }) {
      const memberByCode = (code: AuthorityCode) => node.directory.memberByCode(code);
      const departed = (code: AuthorityCode) => departedByCode(node, code);
      const { rules } = deps;
      const answer = await openFiling(
        { db, clock, vault, authority, rules, memberByCode, departedByCode: departed },
        command('openFiling', actor, idempotency),
        params.registrationId,
        { destination: body.destination as AuthorityCode, application: body.application },
      );
      const row = await requireTransfer(db, String(answer.body.transferId));
      return { status: 201, body: await transferBody(node, row, actor) };
    },

    async consentToFiling({ params, body, actor }) {
      const { id } = await requireOwn(node, actor, params.transferId);
      const { position, method, evidenceSha256 } = whoConsents(actor, body);
      if (body.decision === 'refuse') await refuseFiling(deps, actor, id, position);
      else {
        const textVersion = required(body.textVersion, '/textVersion');
        await consentToFiling(deps, actor, id, { position, method, evidenceSha256, textVersion });
        node.wake('outbox');
      }
      return { status: 200, body: await transferBody(node, await requireTransfer(db, id), actor) };
    },

    async decideFiling({ params, body, actor, idempotency }) {
      const { decision, reason } = body;
      if (decision === 'take_up' && reason !== undefined)
        throw new Refusal('request_malformed', { pointer: '/reason', rule: 'only_to_decline' });
      const wanted: FilingDecision =
        decision === 'take_up' ? { decision } : { decision, reason: required(reason, '/reason') };
      await decideFiling(deps, command('decideFiling', actor, idempotency), params.transferId, wanted);
      node.wake('outbox');
      return { status: 200, body: summaryBody(node, await requireTransfer(db, params.transferId)) };
    },
  };
}
