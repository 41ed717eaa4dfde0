import { randomUUID } from 'node:crypto';
import type { Test } from 'tap';
import { type IssueDeps, intendCertificates, signIntents } from '../../src/certificate/issue-certificates.ts';
import { ensureStatusList } from '../../src/certificate/status-list-store.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { AuthorityCode, EntityId } from '../../src/kernel/authority.ts';
import type { Id } from '../../src/kernel/id.ts';
import { insertRegistration, type RegistrationRow } from '../../src/registry/registration-store.ts';
import type { Vault } from '../../src/registry/vault.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { aKey, BASE_VCT, ENTITY_ID, LIST_URI, VCT } from './an-issuer.ts';

export const AUTHORITY = '271403' as AuthorityCode;
export const VAULT: Vault = {
  authority: AUTHORITY,
  keyEncryption: Buffer.alloc(32, 1),
  blindIndex: Buffer.alloc(32, 2),
};
export type Office = { readonly database: TestDatabase; readonly deps: IssueDeps };

/** What issues certificates, on a database of its own. */
export async function anOffice(t: Test): Promise<Office> {
  const database = await createTestDatabase(t);
  await inTransaction(database.db, ensureStatusList);
  const terms = {
    entityId: ENTITY_ID as EntityId,
    authority: AUTHORITY,
    nameOf: () => ({ ja: '堺市', en: 'Sakai' }),
    key: aKey(),
    x5c: undefined,
    vct: VCT,
    baseVct: BASE_VCT,
    statusListUri: LIST_URI,
    validityDays: 1095,
  };
  return {
    database,
    deps: { db: database.db, clock: tickingClock(), vault: VAULT, terms },
  };
}

/** A second later at each look, so that what came later is later. */
function tickingClock() {
  let at = Date.parse('2026-11-22T00:00:00Z');
  return () => {
    at += 1000;
    return new Date(at);
  };
}

let couples = 0;

/** A registered couple without certificates. */
export async function aCouple({ deps }: Office): Promise<RegistrationRow> {
  const id = randomUUID() as Id<'registration'>;
  couples += 1;
  const kana = [...String(couples)].map((digit) => 'アイウエオカキクケコ'[Number(digit)]).join('');
  const each = (kana: string) => ({
    registeredName: `架空 見本${kana}`,
    kana,
    alias: null,
    birthDate: '1990-04-01',
    residence: { kind: 'resident' as const },
  });
  const row = {
    id,
    epoch: 1,
    state: 'active' as const,
    oathDate: '2024-05-01',
    firstOathDate: '2024-05-01',
    firstAuthority: AUTHORITY,
    transferId: null,
  };
  await inTransaction(deps.db, (trx) =>
    insertRegistration(trx, VAULT, {
      ...row,
      partners: {
        first: each(`イチ${kana}`),
        second: each(`ニ${kana}`),
      },
      declarations: {},
      registeredAt: deps.clock(),
    }),
  );
  return { ...row, endReason: null, endedOn: null, residenceDueOn: null, residenceProvenOn: null };
}

export async function aCertifiedCouple(office: Office): Promise<RegistrationRow> {
  const row = await aCouple(office);
  await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, row));
  await signIntents(office.deps, { registrationId: row.id });
  return row;
}
