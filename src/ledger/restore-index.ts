import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Trx } from '../db/transaction.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { blindIndexOf } from '../registry/blind-index.ts';
import { searchEntriesOf } from '../registry/partner-index.ts';
import type { PartnerRecord } from '../registry/registration-store.ts';
import type { KeySubject, Vault } from '../registry/vault.ts';
import type { Row } from './table-plan.ts';
import { openSealers, type Sealers } from './table-sealers.ts';

type PartnerRow = {
  readonly registration_id: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly registered_name: Buffer;
  readonly kana: Buffer;
  readonly alias: Buffer | null;
  readonly birth_date: Buffer;
};

/**
 * Computes under this node's key by what the partners of these `partner_index` rows are found, and writes their
 * entries for searching. Whose data key was destroyed is found by nobody any more, so that entry is drawn at random.
 *
 * @returns `blind_index` of each row, in the order of the rows
 */
export async function indexAnew(trx: Trx, vault: Vault, rows: readonly Row[]): Promise<Buffer[]> {
  const stored = await partnersOf(trx, rows);
  const sealers = await openSealers(trx, vault, stored.map(subjectOf));
  const partners = new Map(stored.map((row) => [placeOf(row), readNames(row, sealers)]));
  const entries = stored.flatMap((row) => {
    const partner = partners.get(placeOf(row));
    if (!partner) return [];
    const { registration_id, epoch, position } = row;
    return searchEntriesOf(vault, partner).map((entry) => ({ registration_id, epoch, position, ...entry }));
  });
  if (entries.length > 0) await trx.insertInto('partner_search').values(entries).execute();
  return rows.map((row) => {
    const partner = partners.get(placeOf(row));
    return partner ? blindIndexOf(vault.blindIndex, partner) : randomBytes(16);
  });
}

async function partnersOf(trx: Trx, rows: readonly Row[]): Promise<PartnerRow[]> {
  const { rows: stored } = await sql<PartnerRow>`
    select registration_id, epoch, position, registered_name, kana, alias, birth_date from registration_partner
    where (registration_id, epoch, position) in (
      select * from unnest(
        ${rows.map((row) => row.registration_id)}::uuid[],
        ${rows.map((row) => row.epoch)}::integer[],
        ${rows.map((row) => row.position)}::text[]))
  `.execute(trx);
  return stored;
}

function subjectOf({ registration_id: id, epoch }: PartnerRow): KeySubject {
  return { kind: 'registration', id, epoch };
}

function placeOf({ registration_id, epoch, position }: Row | PartnerRow): string {
  return `${registration_id} ${epoch} ${position}`;
}

/** What an index is made of. Where somebody lives and how an alias is shown is not. */
function readNames(row: PartnerRow, sealers: Sealers): PartnerRecord | undefined {
  const sealer = sealers(subjectOf(row));
  if (!sealer) return undefined;
  const open = (column: string, sealed: Buffer) => sealer.open(`${row.position}.${column}`, sealed);
  return {
    registeredName: open('registered_name', row.registered_name),
    kana: open('kana', row.kana),
    alias: row.alias ? { name: open('alias', row.alias), display: 'alias_only' } : null,
    birthDate: open('birth_date', row.birth_date),
    residence: { kind: 'elsewhere' },
  };
}
