import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  type IssueDeps,
  type IssuerTerms,
  intendCertificates,
  newPeriod,
  signIntents,
} from '../src/certificate/issue-certificates.ts';
import { renewSome } from '../src/certificate/renew-certificates.ts';
import { countDue, insertRenewal, type RenewalWish } from '../src/certificate/renewal-store.ts';
import { ensureStatusList } from '../src/certificate/status-list-store.ts';
import { type DatabaseAddress, type OpenDatabase, openDatabase } from '../src/db/database.ts';
import { inTransaction } from '../src/db/transaction.ts';
import type { AuthorityCode, EntityId } from '../src/kernel/authority.ts';
import { newId, newRandomId } from '../src/kernel/id.ts';
import { type PrivateJwk, signingKeyFromJwk } from '../src/kernel/signing-key.ts';
import { insertRegistration } from '../src/registry/registration-store.ts';
import type { Leg } from './measurement.ts';

export const NAMES = { renew: 'certificate renewed with its log entries, in process' } as const;

const COUPLES = 500;
const AUTHORITY = '271004' as AuthorityCode;
const START = Date.parse('2026-11-22T00:00:00Z');
const DAY_MS = 86_400_000;

/**
 * The renewal of a whole register, once per turn and each a day later: intents, signatures, reading back, the end of the
 * old ones and the list. The first turn is preceded by the making of the register.
 */
export function renewalLegs(address: DatabaseAddress): {
  readonly legs: Leg[];
  readonly close: () => Promise<void>;
} {
  let database: OpenDatabase | undefined;
  let days = 0;
  const terms = termsOf();
  const vault = { authority: AUTHORITY, keyEncryption: randomBytes(32), blindIndex: randomBytes(32) };
  const clock = () => new Date(START + days * DAY_MS);
  const depsOf = ({ db }: OpenDatabase): IssueDeps => ({ db, clock, vault, terms });
  const leg: Leg = {
    name: NAMES.renew,
    prepare: async () => {
      if (!database) {
        database = openDatabase(address, { applicationName: 'bench' });
        await makeRegister(depsOf(database));
      }
      days += 1;
      await beginRenewal(depsOf(database));
    },
    run: async () => {
      if (!database) throw new Error('nothing to renew');
      const deps = depsOf(database);
      const start = performance.now();
      let done = 0;
      for (let some = await renewSome(deps); some > 0; some = await renewSome(deps)) done += some;
      return { done, seconds: (performance.now() - start) / 1000 };
    },
  };
  return { legs: [leg], close: async () => database?.close() };
}

function termsOf(): IssuerTerms {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const entityId = 'https://oath.city.example' as EntityId;
  return {
    entityId,
    authority: AUTHORITY,
    nameOf: () => ({ ja: '架空市', en: 'Fictional City' }),
    key: signingKeyFromJwk(privateKey.export({ format: 'jwk' }) as PrivateJwk),
    x5c: undefined,
    vct: `${entityId}/vct/partnership-oath/1`,
    baseVct: 'https://anchor.example/vct/partnership-oath/1',
    statusListUri: `${entityId}/status-lists/1`,
    validityDays: 1095,
  };
}

async function makeRegister(deps: IssueDeps): Promise<void> {
  await inTransaction(deps.db, ensureStatusList);
  for (let at = 0; at < COUPLES; at += 1) {
    const id = newRandomId<'registration'>();
    const each = (kana: string) => ({
      registeredName: `架空 見本${kana}`,
      kana: `カクウ ${kana}${at}`,
      alias: null,
      birthDate: '1990-04-01',
      residence: { kind: 'resident' as const },
    });
    await inTransaction(deps.db, async (trx) => {
      await insertRegistration(trx, deps.vault, {
        id,
        epoch: 1,
        state: 'active',
        oathDate: '2024-05-01',
        firstOathDate: '2024-05-01',
        firstAuthority: AUTHORITY,
        transferId: null,
        partners: { first: each('コウシン イチ'), second: each('コウシン ニ') },
        declarations: {},
        registeredAt: deps.clock(),
      });
      await intendCertificates(trx, deps, { id, epoch: 1 });
    });
  }
  while ((await signIntents(deps, { limit: 500 })).length > 0);
}

async function beginRenewal(deps: IssueDeps): Promise<void> {
  const { expiresOn } = newPeriod(deps);
  const wish: RenewalWish = { reason: 'expiring', expiringBefore: expiresOn };
  const total = await countDue(deps.db, wish, expiresOn);
  const renewal = { id: newId<'renewal'>(deps.clock), wish, total, by: 'bench-approver', at: deps.clock() };
  await inTransaction(deps.db, (trx) => insertRenewal(trx, renewal));
}
