import { Refusal } from '../kernel/refusal.ts';
import { checkImport } from '../ledger/check-import.ts';
import { commitImport } from '../ledger/commit-import.ts';
import { discardImport } from '../ledger/discard-import.ts';
import type { ImportReport } from '../ledger/import-report.ts';
import { readHeadings, requireImport } from '../ledger/import-store.ts';
import { importWords } from '../ledger/import-words.ts';
import type { TableFormat } from '../ledger/read-table.ts';
import { uploadRegister } from '../ledger/upload-register.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import type { Language } from './problem.ts';

type Operations = 'uploadRegister' | 'getImport' | 'checkImport' | 'commitImport' | 'discardImport';
type RegisterImport = components['schemas']['RegisterImport'];

const FORMATS: Readonly<Record<string, TableFormat>> = {
  'text/csv': 'csv',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
};

export function importHandlers(node: NodeParts): Handlers<Operations> {
  const deps = () => ({ db: node.db, clock: node.clock, vault: node.vault, rules: node.rules });
  const answer = async (id: string, language: Language) => ({
    status: 200 as const,
    body: await importBody(node, id, language),
  });

  return {
    async uploadRegister({ query, rawBytes, bodyType, actor, language }) {
      const format = FORMATS[bodyType ?? ''];
      if (!rawBytes || !format) throw new Refusal('request_malformed', { pointer: '', rule: 'required' });
      const id = await uploadRegister(deps(), actor, { bytes: rawBytes, format, encoding: query.encoding });
      return { status: 201, body: await importBody(node, id, language) };
    },

    async getImport({ params, language }) {
      return answer(params.importId, language);
    },

    async checkImport({ params, body, actor, language }) {
      await checkImport(deps(), actor, params.importId, body.mapping);
      return answer(params.importId, language);
    },

    async commitImport({ params, body, actor, idempotency, language }) {
      await commitImport(deps(), command('commitImport', actor, idempotency), params.importId, body);
      return answer(params.importId, language);
    },

    async discardImport({ params, actor, language }) {
      await discardImport(deps(), actor, params.importId);
      return answer(params.importId, language);
    },
  };
}

async function importBody({ db, vault }: NodeParts, id: string, language: Language): Promise<RegisterImport> {
  const row = await requireImport(db, id);
  const headings = await readHeadings(db, vault, id);
  return {
    importId: row.id,
    state: row.state,
    format: row.format,
    ...(row.encoding ? { encoding: row.encoding } : {}),
    rows: row.rows,
    ...(headings ? { columns: headings.filter((heading) => heading !== '') } : {}),
    ...(row.mapping ? { mapping: row.mapping as NonNullable<RegisterImport['mapping']> } : {}),
    ...(row.report ? { report: reportBody(row.report, language) } : {}),
  };
}

function reportBody({ faults, ...counts }: ImportReport, language: Language) {
  return {
    ...counts,
    faults: faults.map(({ row, column, rule, allowed = '' }) => ({
      row,
      ...(column === undefined ? {} : { column }),
      rule,
      text: importWords(rule, allowed, language),
    })),
  };
}
