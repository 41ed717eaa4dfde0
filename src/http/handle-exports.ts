import { dayInJapan } from '../kernel/clock.ts';
import { exportRegister } from '../ledger/export-register.ts';
import { approveExport, beginDownload, requestExport } from '../ledger/export-request.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Operations = 'requestExport' | 'approveExport' | 'downloadExport';
type RegisterExport = components['schemas']['RegisterExport'];

export function exportHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault, entityId } = node;
  return {
    async requestExport({ body, actor, idempotency }) {
      const answer = await requestExport(node, command('requestExport', actor, idempotency), body.reason);
      return { status: 201, body: answer.body as RegisterExport };
    },

    async approveExport({ params, actor, idempotency }) {
      const answer = await approveExport(node, command('approveExport', actor, idempotency), params.exportId);
      return { status: 200, body: answer.body as RegisterExport };
    },

    async downloadExport({ params, actor }) {
      await beginDownload(node, actor, params.exportId);
      const name = `chikai-register-${node.authority}-${dayInJapan(clock())}.ndjson`;
      return {
        status: 200,
        contentType: 'application/x-ndjson',
        headers: { 'content-disposition': `attachment; filename="${name}"` },
        body: exportRegister({ db, clock, vault, entityId }),
      };
    },
  };
}
