/** Renews certificates in a process of its own, which a test then kills: `node renew-elsewhere.ts`, its order on stdin. */
import { text } from 'node:stream/consumers';
import type { IssuerTerms } from '../../src/certificate/issue-certificates.ts';
import { renewSome } from '../../src/certificate/renew-certificates.ts';
import { openDatabase } from '../../src/db/database.ts';
import { type PrivateJwk, signingKeyFromJwk } from '../../src/kernel/signing-key.ts';
import { VAULT } from './an-office.ts';

export type RenewalOrder = {
  readonly url: string;
  readonly key: PrivateJwk;
  readonly terms: Omit<IssuerTerms, 'key' | 'nameOf' | 'familyship'>;
  readonly now: string;
  readonly limit: number;
};

if (import.meta.main) {
  const { url, key, terms, now, limit } = JSON.parse(await text(process.stdin)) as RenewalOrder;
  const { db, close } = openDatabase(url, { applicationName: 'to be killed' });
  const nameOf = () => ({ ja: '堺市', en: 'Sakai' });
  const deps = {
    db,
    vault: VAULT,
    clock: () => new Date(now),
    terms: { ...terms, nameOf, key: signingKeyFromJwk(key) },
  };
  while ((await renewSome(deps, limit)) > 0);
  await close();
}
