import { Refusal } from '../kernel/refusal.ts';
import { askOrigin } from '../transfer/ask-origin.ts';
import type { CorrectionField, CorrectionReason } from '../transfer/correction.ts';
import { endHold, holdOffers } from '../transfer/hold-offer.ts';
import { pauseCase } from '../transfer/pause-case.ts';
import { reopenCase } from '../transfer/reopen-case.ts';
import { requestCorrection } from '../transfer/request-correction.ts';
import { type ApplicationDraft, readDraft, saveDraft, submitDraft } from '../transfer/save-draft.ts';
import { requireTransfer, type TransferRow } from '../transfer/transfer-store.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import { requireOwn } from './handle-transfers.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { summaryBody, transferBody } from './transfer-body.ts';

type Schemas = components['schemas'];
type Operations =
  | 'getTransferDraft'
  | 'saveTransferDraft'
  | 'submitTransferDraft'
  | 'requestTransferCorrection'
  | 'pauseTransfer'
  | 'reopenTransfer'
  | 'askOrigin'
  | 'holdTransfers'
  | 'endTransferHold';

/** The people's side of a case: what is filled in and corrected, how long it may take, and what an origin checks. */
export function caseHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault, transferDeps: deps } = node;
  const again = (row: TransferRow) => requireTransfer(db, row.id);
  return {
    async getTransferDraft({ params, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      return { status: 200, body: draftBody(await readDraft(db, vault, row, actor)) };
    },

    async saveTransferDraft({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      await saveDraft(deps, actor, row.id, body as ApplicationDraft);
      return { status: 200, body: draftBody(await readDraft(db, vault, await again(row), actor)) };
    },

    async submitTransferDraft({ params, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      const contentFault = (content: unknown) => node.contentFault('continuation', content);
      const { rules, authority } = deps;
      await submitDraft({ db, clock, vault, rules, authority, contentFault }, actor, row.id);
      return { status: 200, body: await transferBody(node, await again(row), actor) };
    },

    async requestTransferCorrection({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      const wanted = body.corrections as { field: CorrectionField; reason: CorrectionReason }[];
      await requestCorrection(deps, actor, row.id, wanted);
      return { status: 200, body: await transferBody(node, await again(row), actor) };
    },

    async pauseTransfer({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      if (body.paused && body.reason === undefined)
        throw new Refusal('request_malformed', { pointer: '/reason', rule: 'required' });
      await pauseCase(deps, actor, row.id, body.paused ? (body.reason ?? null) : null);
      return { status: 200, body: await transferBody(node, await again(row), actor) };
    },

    async reopenTransfer({ params, actor, idempotency }) {
      const row = await requireOwn(node, actor, params.transferId);
      const answer = await reopenCase(deps, command('reopenTransfer', actor, idempotency), row.id);
      return {
        status: 200,
        body: summaryBody(node, await requireTransfer(db, String(answer.body.transferId))),
      };
    },

    async askOrigin({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      await askOrigin(deps, actor, row.id, body);
      node.wake('outbox');
      return { status: 200, body: await transferBody(node, await again(row), actor) };
    },

    async holdTransfers({ params, body, actor, idempotency }) {
      const named = command('holdTransfers', actor, idempotency);
      const answer = await holdOffers(deps, named, params.registrationId, body);
      node.wake('outbox');
      const { reason, until } = answer.body as { reason: Schemas['HoldReason']; until: string };
      return { status: 200, body: { reason, until } };
    },

    async endTransferHold({ params, body, actor, idempotency }) {
      const named = command('endTransferHold', actor, idempotency);
      const answer = await endHold(deps, named, params.registrationId, body.outcome);
      node.wake('outbox');
      return { status: 200, body: { outcome: body.outcome, requests: Number(answer.body.requests) } };
    },
  };
}

function draftBody(draft: ApplicationDraft): Schemas['TransferDraft'] {
  return draft as Schemas['TransferDraft'];
}
