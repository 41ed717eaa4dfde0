import t from 'tap';
import type { HolderJwk } from '../../src/certificate/certificate-content.ts';
import {
  type CertificateRow,
  certificateText,
  findCertificates,
  readForms,
  readNumbers,
  recordIssue,
  revokeAll,
  revokeOne,
} from '../../src/certificate/certificate-store.ts';
import { findIntents, insertIntent } from '../../src/certificate/intent-store.ts';
import { intendCertificates, signIntents } from '../../src/certificate/issue-certificates.ts';
import { readCertificate } from '../../src/certificate/presented-certificate.ts';
import {
  intendForWallet,
  intendReplacements,
  surrenderCertificates,
} from '../../src/certificate/replace-certificates.ts';
import { readStatus } from '../../src/certificate/status-list.ts';
import { inTransaction, type Trx } from '../../src/db/transaction.ts';
import type { Id } from '../../src/kernel/id.ts';
import { isRefusal } from '../../src/kernel/refusal.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import type { RegistrationRow } from '../../src/registry/registration-store.ts';
import { openSealer } from '../../src/registry/vault.ts';
import { anOpenCase, approve, aRegisteredCouple, consented, stateOf } from '../app/a-couple.ts';
import { aNetwork, becomesTrue, type TestNode } from '../app/a-network.ts';
import { aKey } from './an-issuer.ts';
import { aCertifiedCouple, aCouple, anOffice, type Office, VAULT } from './an-office.ts';

const BOTH: readonly PartnerPosition[] = ['first', 'second'];

const replace = (
  { deps }: Office,
  row: RegistrationRow,
  positions: readonly PartnerPosition[],
  reason: 'lost' | 'damaged' | 'changed',
) => inTransaction(deps.db, (trx) => intendReplacements(trx, deps, row, positions, reason));

async function certificatesOf({ deps }: Office, row: RegistrationRow, position?: PartnerPosition) {
  const all = await findCertificates(deps.db, { registrationId: row.id, epoch: row.epoch });
  return all.filter((one) => position === undefined || one.position === position);
}

const statesOf = async (office: Office, row: RegistrationRow, position: PartnerPosition) =>
  (await certificatesOf(office, row, position)).map(({ state }) => state);

/** What the published list says of each certificate: 0 valid, 1 invalid. */
async function bitsOf({ deps }: Office, certificates: readonly CertificateRow[]): Promise<number[]> {
  const { bits } = await deps.db.selectFrom('status_list').select('bits').executeTakeFirstOrThrow();
  return certificates.map(({ statusIndex }) => readStatus({ bits: 1, bytes: bits }, statusIndex));
}

async function reasonOf({ database }: Office, id: string): Promise<string | null> {
  const row = await database.ownerDb
    .selectFrom('certificate')
    .select('revoke_reason')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.revoke_reason;
}

t.test('the old certificate ends in the moment in which the new one begins', async (t) => {
  const office = await anOffice(t);
  for (const reason of ['lost', 'damaged', 'changed'] as const) {
    const row = await aCertifiedCouple(office);
    const [old] = await certificatesOf(office, row, 'first');
    if (!old) return t.fail('no certificate');
    const intents = await replace(office, row, ['first'], reason);
    t.match(intents, [{ position: 'first', state: 'intended', replaces: { certificateId: old.id, reason } }]);

    // The process dies here: the intent is committed and nobody has signed yet.
    t.same(await statesOf(office, row, 'first'), ['issued', 'intended'], `${reason}: the old one is good`);
    t.same(await bitsOf(office, [old]), [0]);

    t.same(await signIntents(office.deps), [{ registrationId: row.id, epoch: 1 }], 'a worker finds it');
    const after = await certificatesOf(office, row, 'first');
    t.same(
      after.map(({ state }) => state),
      ['revoked', 'issued'],
    );
    t.same(await bitsOf(office, after), [1, 0]);
    t.equal(await reasonOf(office, old.id), reason);
    t.same(await statesOf(office, row, 'second'), ['issued'], 'the other partner keeps theirs');

    const told = await office.deps.db
      .selectFrom('audit_event')
      .select(['type', 'actor_kind', 'position', 'visibility', 'facts'])
      .where('record_id', '=', row.id)
      .execute();
    t.match(told, [
      {
        type: 'certificate_revoked',
        actor_kind: 'system',
        position: 'first',
        visibility: 'acting',
        facts: { certificateId: old.id, reason },
      },
    ]);
  }
});

t.test('a partner without a good certificate just gets a new one', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [lost] = await certificatesOf(office, row, 'first');
  await inTransaction(office.deps.db, (trx) => revokeOne(trx, lost?.id ?? '', 'lost', office.deps.clock()));
  const intents = await replace(office, row, BOTH, 'changed');
  t.same(
    intents.map(({ position, replaces }) => [position, replaces?.reason ?? null]),
    [
      ['first', null],
      ['second', 'changed'],
    ],
  );
  await signIntents(office.deps);
  t.same(await statesOf(office, row, 'first'), ['revoked', 'issued']);
  t.same(await statesOf(office, row, 'second'), ['revoked', 'issued']);
  t.equal(await reasonOf(office, lost?.id ?? ''), 'lost', 'why it ended stays as it was');
});

t.test('what was revoked before its successor was signed is no obstacle', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [old] = await certificatesOf(office, row, 'first');
  await replace(office, row, ['first'], 'damaged');
  await inTransaction(office.deps.db, (trx) => revokeOne(trx, old?.id ?? '', 'misuse', office.deps.clock()));
  await signIntents(office.deps);
  t.same(await statesOf(office, row, 'first'), ['revoked', 'issued']);
  t.equal(await reasonOf(office, old?.id ?? ''), 'misuse');
});

t.test('what was intended before a change is never signed', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [early] = await replace(office, row, ['first'], 'lost');
  if (!early) return t.fail('no intent');
  const [late] = await replace(office, row, ['first'], 'changed');
  t.same(late?.replaces?.reason, 'changed');
  t.same(await statesOf(office, row, 'first'), ['issued', 'intended']);
  t.same(await bitsOf(office, [early]), [1], 'its place in the list is burnt');
  await signIntents(office.deps);
  t.same(await statesOf(office, row, 'first'), ['revoked', 'issued']);

  await t.test('and neither is a first certificate', async (t) => {
    const young = await aCouple(office);
    await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, young));
    await replace(office, young, BOTH, 'changed');
    await signIntents(office.deps);
    t.same(await statesOf(office, young, 'first'), ['issued']);
    t.same(await statesOf(office, young, 'second'), ['issued']);
  });
});

t.test('two processes that sign at once issue each certificate once', async (t) => {
  const office = await anOffice(t);
  const rows = await Promise.all(Array.from({ length: 4 }, () => aCertifiedCouple(office)));
  for (const row of rows) await replace(office, row, BOTH, 'damaged');
  const other = { ...office.deps, db: office.database.ownerDb };
  const finished = await Promise.all([
    signIntents(office.deps),
    signIntents(other),
    signIntents(office.deps),
  ]);
  t.ok(finished.flat().length >= rows.length);
  for (const row of rows)
    for (const position of BOTH) {
      const certificates = await certificatesOf(office, row, position);
      t.same(
        certificates.map(({ state }) => state),
        ['revoked', 'issued'],
      );
      t.same(await bitsOf(office, certificates), [1, 0]);
    }
  t.same(await findIntents(office.deps.db, { limit: 10 }), []);
});

t.test('whoever comes too late to sign leaves the old certificate as it is', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const [intent] = await replace(office, row, ['first'], 'lost');
  if (!intent) return t.fail('no intent');
  const of = { registrationId: row.id, epoch: 1 };
  const end = (trx: Trx) => revokeAll(trx, of, 'registration_ended', office.deps.clock());
  await Promise.all([signIntents(office.deps), inTransaction(office.deps.db, end, { repeatable: true })]);
  await inTransaction(office.deps.db, end);
  await signIntents(office.deps);
  const states = (await certificatesOf(office, row)).map(({ state }) => state);
  t.notOk(states.includes('issued') || states.includes('intended'), 'an end ends all of them');
});

t.test('a registration that is not in force gets no new certificate', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  for (const state of ['ended', 'offered', 'released', 'received'] as const) {
    const refused = await replace(office, { ...row, state }, ['first'], 'lost').catch((error) => error);
    t.ok(isRefusal(refused));
    t.match(refused, { code: 'registration_state_conflict', facts: { state, allowed: ['active'] } });
  }
  t.same(await statesOf(office, row, 'first'), ['issued']);
});

t.test('nobody can be given two good certificates, whatever the program does', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  await t.rejects(
    inTransaction(office.deps.db, async (trx) => {
      const sealer = await openSealer(trx, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
      if (!sealer) throw new Error('no key');
      const intent = await insertIntent(trx, sealer, {
        registrationId: row.id,
        epoch: 1,
        position: 'first',
        number: '271403-2026-TEST',
        issuedOn: '2026-11-22',
        expiresOn: '2029-11-21',
        intendedAt: office.deps.clock(),
      });
      const forms = {
        sdJwtVc: 'x',
        sdJwtHash: Buffer.alloc(32),
        paper: { token: 'x', hash: Buffer.alloc(32) },
        keyId: 'x',
      };
      await recordIssue(trx, sealer, intent, forms, office.deps.clock());
    }),
    { message: /23505 .*constraint certificate_one_issued/ },
  );
});

t.test('a certificate of an imported registration keeps its number', async (t) => {
  const office = await anOffice(t);
  const row = await aCouple(office);
  const sealer = await openSealer(office.deps.db, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
  if (!sealer) return t.fail('no key');
  await office.deps.db
    .updateTable('registration_partner')
    .set({ kept_number: sealer.seal('first.kept_number', '見本第12号') })
    .where('registration_id', '=', row.id)
    .where('position', '=', 'first')
    .execute();
  const numbersOf = async (position: PartnerPosition) => {
    const ids = (await certificatesOf(office, row, position)).map(({ id }) => id);
    const numbers = await readNumbers(office.deps.db, sealer, ids);
    return ids.map((id) => numbers.get(id));
  };
  await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, row));
  await signIntents(office.deps);
  await replace(office, row, BOTH, 'damaged');
  await signIntents(office.deps);
  t.same(await numbersOf('first'), ['見本第12号', '見本第12号']);
  const [one, another] = await numbersOf('second');
  t.match(one, /^271403-2026-[0-9A-Z]{8}$/);
  t.not(one, another);
});

t.test('a certificate that is handed in ends, and is handed in once', async (t) => {
  const office = await anOffice(t);
  const row = await aCertifiedCouple(office);
  const surrender = (positions: readonly PartnerPosition[], on: string) =>
    inTransaction(office.deps.db, (trx) => surrenderCertificates(trx, office.deps, row, positions, on));
  const [handedIn] = await surrender(['first'], '2026-11-21');
  t.match(handedIn, { position: 'first', surrenderedOn: '2026-11-21' });
  t.same(await statesOf(office, row, 'first'), ['revoked']);
  t.equal(await reasonOf(office, handedIn?.id ?? ''), 'returned');
  t.same(await bitsOf(office, handedIn ? [handedIn] : []), [1]);
  t.same(await surrender(['first'], '2026-11-22'), [], 'again is as if it had not been said');
  t.match(await certificatesOf(office, row, 'first'), [{ surrenderedOn: '2026-11-21' }]);

  await t.test('one that ended before keeps the reason of its end', async (t) => {
    const [second] = await certificatesOf(office, row, 'second');
    await inTransaction(office.deps.db, (trx) =>
      revokeOne(trx, second?.id ?? '', 'damaged', office.deps.clock()),
    );
    t.equal((await surrender(['second'], '2026-11-22')).length, 1);
    t.equal(await reasonOf(office, second?.id ?? ''), 'damaged');
  });

  await t.test('one whose successor is about to be signed stays good until then', async (t) => {
    const awaiting = await aCertifiedCouple(office);
    await replace(office, awaiting, ['first'], 'damaged');
    await inTransaction(office.deps.db, (trx) =>
      surrenderCertificates(trx, office.deps, awaiting, ['first'], '2026-11-22'),
    );
    t.same(await statesOf(office, awaiting, 'first'), ['issued', 'intended']);
    await signIntents(office.deps);
    t.match(await certificatesOf(office, awaiting, 'first'), [
      { state: 'revoked', surrenderedOn: '2026-11-22' },
      { state: 'issued', surrenderedOn: null },
    ]);
  });
});

const aWalletKey = (): HolderJwk => {
  const { kty, crv, x, y } = aKey().publicJwk;
  return { kty, crv, x, y };
};

const living = (rows: readonly CertificateRow[], form: CertificateRow['form']) =>
  rows.filter((one) => one.state === 'issued' && one.form === form);

async function numberOf({ deps }: Office, row: RegistrationRow, { id }: CertificateRow) {
  const sealer = await openSealer(deps.db, VAULT, { kind: 'registration', id: row.id, epoch: 1 });
  return sealer && (await readNumbers(deps.db, sealer, [id])).get(id);
}

t.test(
  'a partner may hold one certificate to carry and one in a wallet, and each lives by itself',
  async (t) => {
    const office = await anOffice(t);
    const row = await aCertifiedCouple(office);
    const into = async (jwk: HolderJwk, state: RegistrationRow['state'] = 'active') => {
      const intent = await inTransaction(office.deps.db, (trx) =>
        intendForWallet(trx, office.deps, { ...row, state }, 'first', {
          ...jwk,
          kid: 'dropped',
        } as HolderJwk),
      );
      await signIntents(office.deps, { registrationId: row.id });
      return intent;
    };
    const textOf = (id: string) => certificateText(office.deps.db, VAULT, id);
    const jwk = aWalletKey();
    const first = await into(jwk);
    t.same(await statesOf(office, row, 'first'), ['issued', 'issued']);
    t.same(await statesOf(office, row, 'second'), ['issued']);

    await t.test(
      'the wallet form is bound to its key, has no paper token, and tells the same number',
      async (t) => {
        const text = (await textOf(first.id)) ?? '';
        const read = readCertificate(text);
        t.same(read.jws.claims.cnf, { jwk });
        const [portable] = living(await certificatesOf(office, row, 'first'), 'portable');
        if (!portable) return t.fail('no portable one');
        t.equal(read.claims.certificate_number, await numberOf(office, row, portable));
        t.not(read.status.idx, portable.statusIndex, 'but has a status of its own');
        const stored = await office.deps.db
          .selectFrom('certificate')
          .select(['form', 'paper_token', 'paper_hash', 'key_id'])
          .where('registration_id', '=', row.id)
          .orderBy('form')
          .execute();
        t.same(
          stored.map((one) => [one.form, one.paper_token !== null, one.paper_hash !== null, one.key_id]),
          [
            ['portable', true, true, office.deps.terms.key.kid],
            ['portable', true, true, office.deps.terms.key.kid],
            ['wallet', false, false, office.deps.terms.key.kid],
          ],
        );
      },
    );

    await t.test('issuing again gives no second one of either form', async (t) => {
      t.same(await inTransaction(office.deps.db, (trx) => intendCertificates(trx, office.deps, row)), []);
    });

    await t.test('lost paper takes nothing from the wallet', async (t) => {
      await replace(office, row, ['first'], 'lost');
      await signIntents(office.deps);
      t.same(
        living(await certificatesOf(office, row, 'first'), 'wallet').map(({ id }) => id),
        [first.id],
      );
    });

    await t.test('a change is certified anew in both forms, for the same key', async (t) => {
      await replace(office, row, ['first'], 'changed');
      await signIntents(office.deps);
      const [wallet, ...more] = living(await certificatesOf(office, row, 'first'), 'wallet');
      t.same(more, []);
      t.same(wallet?.holderJwk, jwk);
      t.same(wallet?.replaces, { certificateId: first.id, reason: 'changed' });
      t.equal(living(await certificatesOf(office, row, 'first'), 'portable').length, 1);
      t.same(await bitsOf(office, [first, wallet ?? first]), [1, 0]);
      const now = await textOf(first.id);
      t.equal(now, await textOf(wallet?.id ?? ''), 'who asks for the old one is given its successor');
      t.same(readCertificate(now ?? '').jws.claims.cnf, { jwk });
    });

    await t.test('another phone takes the place of the first', async (t) => {
      const other = aWalletKey();
      await into(other);
      const wallets = living(await certificatesOf(office, row, 'first'), 'wallet');
      t.same(
        wallets.map(({ holderJwk }) => holderJwk),
        [other],
      );
      t.equal(await textOf(first.id), undefined, 'the first phone is given no certificate of the other key');
    });

    await t.test('two wallets that ask at once end with one certificate', async (t) => {
      const keys = [aWalletKey(), aWalletKey()];
      const intend = (key: HolderJwk) =>
        inTransaction(office.deps.db, (trx) => intendForWallet(trx, office.deps, row, 'first', key));
      for (const key of keys) await intend(key);
      await Promise.all([signIntents(office.deps), signIntents(office.deps)]);
      const wallets = living(await certificatesOf(office, row, 'first'), 'wallet');
      t.same(
        wallets.map(({ holderJwk }) => holderJwk),
        [keys[1]],
      );
    });

    await t.test(
      'handing in the paper leaves the wallet, the end of the registration does not',
      async (t) => {
        const { db, clock } = office.deps;
        await inTransaction(db, (trx) =>
          surrenderCertificates(trx, office.deps, row, ['first'], '2026-11-22'),
        );
        t.equal(living(await certificatesOf(office, row, 'first'), 'wallet').length, 1);
        const of = { registrationId: row.id, epoch: 1 };
        await inTransaction(db, (trx) => revokeAll(trx, of, 'registration_ended', clock()));
        t.same(living(await certificatesOf(office, row), 'wallet'), []);
        const refused = await into(aWalletKey(), 'ended').catch((error) => error);
        t.match(refused, {
          code: 'registration_state_conflict',
          facts: { state: 'ended', allowed: ['active'] },
        });
      },
    );
  },
);

t.test('a replaced certificate opens no transfer, its successor does', async (t) => {
  const { nodes } = await aNetwork(t, ['sakai', 'hirakata']);
  const { sakai: origin, hirakata: destination } = nodes;
  const couple = await aRegisteredCouple(origin);
  const { db, clock, vault, issuerTerms: terms } = origin.node.parts;
  const deps = { db, clock, vault, terms };
  const { registrationId } = couple;
  const row = { id: registrationId as Id<'registration'>, epoch: 1, state: 'active' as const };
  await inTransaction(db, (trx) => intendReplacements(trx, deps, row, BOTH, 'changed'));
  const verdictAt = async (node: TestNode, certificate: string) =>
    (await node.call('POST', '/v1/verifications', { body: { certificate } })).body.verdict;
  t.equal(await verdictAt(destination, couple.certificates.first.paperToken), 'valid', 'until it is signed');
  await signIntents(deps, { registrationId });
  await becomesTrue(
    async () => (await verdictAt(destination, couple.certificates.first.paperToken)) === 'invalid',
  );
  const open = await anOpenCase(destination, origin);
  await t.rejects(consented(destination, open, couple), /certificate_not_accepted/);

  const sealer = await openSealer(db, vault, { kind: 'registration', id: registrationId, epoch: 1 });
  const issued = (await findCertificates(db, { registrationId, epoch: 1 })).filter(
    ({ state }) => state === 'issued',
  );
  const formsOf = async (position: PartnerPosition) => {
    const id = issued.find((one) => one.position === position)?.id ?? '';
    const forms = sealer && (await readForms(db, sealer, id));
    const { sdJwtVc = '', paperToken } = forms ?? {};
    return { ...couple.certificates[position], certificateId: id, sdJwtVc, paperToken: paperToken ?? '' };
  };
  const renewed = {
    registrationId,
    certificates: { first: await formsOf('first'), second: await formsOf('second') },
  };
  const again = await anOpenCase(destination, origin);
  await consented(destination, again, renewed);
  t.equal((await approve(destination, again.transferId)).status, 200);
  await becomesTrue(async () => (await stateOf(origin, again.transferId)) === 'completed');
  const left = await findCertificates(db, { registrationId, epoch: 1 });
  t.ok(left.every(({ state }) => state === 'revoked'));
  t.equal(left.length, 4);
});
