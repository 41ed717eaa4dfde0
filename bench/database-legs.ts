import { randomBytes, randomUUID } from 'node:crypto';
import { appendEvent } from '../src/audit/audit-log.ts';
import type { DatabaseAddress, OpenDatabase } from '../src/db/database.ts';
import { openDatabase } from '../src/db/database.ts';
import { inTransaction } from '../src/db/transaction.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { inLanes, type Leg } from './measurement.ts';

export const NAMES = {
  plain: 'one row, autocommit, prepared, no audit (PostgreSQL)',
  audited: 'the same row and its audit entry, one transaction',
} as const;

const LANES = 32;

/** What a write costs without a node around it: the row alone, and with what this register adds to each. */
export function databaseLegs(address: DatabaseAddress): {
  readonly legs: Leg[];
  readonly database: OpenDatabase;
} {
  const database = openDatabase(address, { applicationName: 'bench' });
  const legs: Leg[] = [
    { name: NAMES.plain, run: (ms) => inLanes(LANES, ms, () => writePlain(database)) },
    { name: NAMES.audited, run: (ms) => inLanes(LANES, ms, () => writeAudited(database)) },
  ];
  return { legs, database };
}

const INSERT =
  'insert into login_code (code_hash, record_kind, record_id, position, expires_at) values ($1, $2, $3, $4, $5)';

async function writePlain({ pool }: OpenDatabase): Promise<number> {
  const values = [randomBytes(32), 'registration', randomUUID(), 'first', systemClock()];
  await pool.query({ name: 'bench-plain', text: INSERT, values });
  return 1;
}

async function writeAudited({ db }: OpenDatabase): Promise<number> {
  const id = randomUUID();
  await inTransaction(db, async (trx) => {
    await trx
      .insertInto('login_code')
      .values({
        code_hash: randomBytes(32),
        record_kind: 'registration',
        record_id: id,
        position: 'first',
        expires_at: systemClock(),
      })
      .execute();
    await appendEvent(trx, systemClock, {
      type: 'login_code_created',
      actor: { kind: 'staff', role: 'clerk', subject: 'bench-clerk' },
      record: { kind: 'registration', id },
      position: 'first',
      visibility: 'acting',
      facts: { identityCheckedBy: 'photo_id' },
    });
  });
  return 1;
}
