import { dayInJapan } from '../kernel/clock.ts';
import { deadlines } from '../procedure/deadline.ts';
import { findDues } from '../procedure/deadline-store.ts';
import { DEADLINE_WORDS } from '../procedure/deadline-words.ts';
import type { OfficeDocument } from '../procedure/document.ts';
import { makeProcedureDocument } from '../procedure/make-document.ts';
import { makeTransferDocument } from '../procedure/make-transfer-document.ts';
import { ownRecord } from '../procedure/procedure-rules.ts';
import type { components } from './api.generated.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { toConfirmBody } from './to-confirm-body.ts';

type Schemas = components['schemas'];
type Operations = 'getProcedureDocument' | 'getTransferDocument' | 'listDeadlines';

export function documentHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock } = node;
  return {
    async getProcedureDocument({ params, query, actor }) {
      const wanted = { id: params.procedureId, document: params.document, purpose: query.purpose };
      return { status: 200, body: documentBody(await makeProcedureDocument(node, actor, wanted)) };
    },

    async getTransferDocument({ params, query, actor }) {
      const wanted = { id: params.transferId, document: params.document, purpose: query.purpose };
      return { status: 200, body: documentBody(await makeTransferDocument(node, actor, wanted)) };
    },

    async listDeadlines() {
      const record = ownRecord(node);
      const on = dayInJapan(clock());
      const due = deadlines(record, await findDues(db, record, on), on);
      return {
        status: 200,
        body: {
          on,
          deadlines: due.map(
            ({ record: { kind, id }, what, dueOn, paused, openDaysLeft, overdue, stage, listedFor }) => ({
              record: { kind, id },
              what,
              text: { ...DEADLINE_WORDS[what] },
              ...(dueOn === null ? {} : { dueOn }),
              ...(paused ? { paused: paused.reason } : {}),
              openDaysLeft,
              overdue,
              stage,
              listedFor,
              unconfirmed: record.deadlines.unconfirmed || record.calendar.unconfirmed,
            }),
          ),
        },
      };
    },
  };
}

function documentBody(made: OfficeDocument): Schemas['Document'] {
  return {
    ...made,
    authority: { ...made.authority, name: { ...made.authority.name } },
    sections: made.sections.map(({ heading, lines }) => ({
      heading,
      lines: lines.map((one) => ({ ...one })),
    })),
    wording: [...made.wording],
    sources: [...made.sources],
    toConfirm: toConfirmBody(made.toConfirm),
  };
}
