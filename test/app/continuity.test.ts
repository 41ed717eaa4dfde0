import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { readLink, signLink } from '../../src/certificate/continuity-link.ts';
import { readCertificate } from '../../src/certificate/presented-certificate.ts';
import { decodeDisclosure, digestOf, encodeDisclosure, parseSdJwt } from '../../src/certificate/sd-jwt.ts';
import { saltPayload } from '../../src/federation/message.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { dayInJapan } from '../../src/kernel/clock.ts';
import { signCompactJws } from '../../src/kernel/compact-jws.ts';
import type { PartnerPosition } from '../../src/kernel/role.ts';
import { findEpoch, readContinuity } from '../../src/registry/registration-store.ts';
import { openSealer } from '../../src/registry/vault.ts';
import {
  approve,
  aRegisteredCouple,
  consented,
  type Forms,
  type OpenCase,
  type RegisteredCouple,
  stateOf,
} from './a-couple.ts';
import { aKey, aNetwork, becomesTrue, CODES, type TestNode } from './a-network.ts';
import { anotherProcess } from './another-process.ts';
import { aCaseWithSessions } from './request-examples.ts';

let aheadMs = 0;
const clock = () => new Date(Date.now() + aheadMs);
const network = await aNetwork(t, ['hirakata', 'osaka', 'sakai'], { clock });
const { hirakata } = network.nodes;
let { osaka, sakai } = network.nodes;
const everywhere = () => [hirakata, osaka, sakai];
const today = () => dayInJapan(clock());

/** Both partners ask for the move; `settled` waits until it has ended on both sides. */
async function begin(origin: TestNode, destination: TestNode, couple: RegisteredCouple): Promise<OpenCase> {
  const open = await aCaseWithSessions(destination, origin);
  await consented(destination, open, couple);
  const decided = await approve(destination, open.transferId);
  if (decided.status !== 200) throw new Error(`not approved: ${decided.text}`);
  return open;
}

async function settled(
  origin: TestNode,
  destination: TestNode,
  open: OpenCase,
  { registrationId }: RegisteredCouple,
): Promise<RegisteredCouple> {
  await becomesTrue(
    async () =>
      (await stateOf(destination, open.transferId)) === 'completed' &&
      (await stateOf(origin, open.transferId)) === 'completed',
  );
  const of = async (position: PartnerPosition) => {
    const { body } = await destination.call('GET', '/v1/me/certificates', { token: open.sessions[position] });
    return body.certificates[0] as Forms;
  };
  return { registrationId, certificates: { first: await of('first'), second: await of('second') } };
}

async function move(origin: TestNode, destination: TestNode, couple: RegisteredCouple) {
  return settled(origin, destination, await begin(origin, destination, couple), couple);
}

/** The whole way, one city after the other. */
async function along(first: TestNode, ...way: readonly TestNode[]): Promise<RegisteredCouple> {
  let couple = await aRegisteredCouple(first);
  let from = first;
  for (const to of way) {
    couple = await move(from, to, couple);
    from = to;
  }
  return couple;
}

const verify = async (node: TestNode, certificate: string) =>
  (await node.call('POST', '/v1/verifications', { body: { certificate } })).body;

/** Verdict, outcome and that of each link, e.g. `valid, proven: passed passed`. */
async function told(node: TestNode, certificate: string): Promise<string> {
  const { verdict, continuity } = await verify(node, certificate);
  const links = (continuity?.links ?? []).map(({ outcome }: { outcome: string }) => outcome);
  return `${verdict}, ${continuity?.outcome}: ${links.join(' ')}`;
}

const PROVEN = (count: number) => `valid, proven: ${Array(count).fill('passed').join(' ')}`;
const NOT_SHOWN = 'valid, not_shown: ';

async function held(node: TestNode, step: 'accept' | 'release'): Promise<() => Promise<void>> {
  const { ownerDb } = node.database;
  const name = sql.raw(`held_${step}`);
  await sql`create function ${name}() returns trigger language plpgsql as $$ begin
    if new.step = ${sql.lit(step)} then new.next_attempt_at := '2100-01-01'; end if;
    return new; end $$`.execute(ownerDb);
  await sql`create trigger ${name} before insert or update on outbox_message for each row execute function ${name}()`.execute(
    ownerDb,
  );
  return async () => {
    await sql`drop trigger ${name} on outbox_message`.execute(ownerDb);
    await sql`drop function ${name}()`.execute(ownerDb);
    await sql`update outbox_message set next_attempt_at = now() where step = ${step} and delivered_at is null`.execute(
      ownerDb,
    );
    await sql`select pg_notify('chikai_outbox', '')`.execute(ownerDb);
  };
}

/** What the destination wrote down about the links of a move. */
async function checkedAt(node: TestNode, { transferId }: OpenCase) {
  const { body } = await node.call('GET', `/v1/audit/events?type=continuity_checked&record=${transferId}`, {
    token: node.token('auditor'),
  });
  return body.events.map(({ facts }: { facts: Record<string, unknown> }) => facts);
}

async function storedAt(node: TestNode, id: string, epoch: number): Promise<readonly string[]> {
  const { db, vault } = node.node.parts;
  const sealer = await openSealer(db, vault, { kind: 'registration', id, epoch });
  return sealer ? readContinuity(db, sealer, { id, epoch }) : [];
}

const withhold = (certificate: string, hidden: string): string => {
  const { issuerJwt, disclosures } = parseSdJwt(certificate);
  const kept = disclosures.filter((each) => {
    const disclosure = decodeDisclosure(each);
    return disclosure.kind === 'property' && disclosure.name !== hidden;
  });
  return [issuerJwt, ...kept, ''].join('~');
};

/** The same certificate with another chain, as an issuer without our linter could sign it. */
async function withChain(issuer: TestNode, certificate: string, links: readonly string[]): Promise<string> {
  const { jws, sdJwt } = readCertificate(certificate);
  const value = [...links];
  const forged = encodeDisclosure({ kind: 'property', salt: 'x'.repeat(22), name: 'continuity', value });
  const isChain = (text: string) => {
    const disclosure = decodeDisclosure(text);
    return disclosure.kind === 'property' && disclosure.name === 'continuity';
  };
  const honest = sdJwt.disclosures.find(isChain) ?? '';
  const _sd = (jws.claims._sd as string[]).map((digest) =>
    digest === digestOf(honest) ? digestOf(forged) : digest,
  );
  const jwt = await signCompactJws(
    jws.header,
    { ...jws.claims, _sd },
    issuer.config.keys.certificate.privateKey,
  );
  return [jwt, ...sdJwt.disclosures.filter((text) => !isChain(text)), forged, ''].join('~');
}

t.test('after two moves the third city’s certificate proves the first oath at every node', async (t) => {
  const stayed = await aRegisteredCouple(hirakata);
  t.equal(
    await told(osaka, stayed.certificates.first.sdJwtVc),
    NOT_SHOWN,
    'who never moved has nothing to show',
  );
  t.equal(readCertificate(stayed.certificates.first.sdJwtVc).claims.continuity, undefined);
  t.notOk('continuity' in (await verify(osaka, stayed.certificates.first.paperToken)), 'nor has paper');

  const opened = await begin(hirakata, osaka, stayed);
  const once = await settled(hirakata, osaka, opened, stayed);
  t.same(await checkedAt(osaka, opened), [{ outcome: 'proven', links: 1 }]);
  t.equal(await told(hirakata, once.certificates.first.sdJwtVc), PROVEN(1));

  const couple = await move(osaka, sakai, once);
  for (const node of everywhere()) {
    for (const { sdJwtVc } of Object.values(couple.certificates)) {
      const { verdict, continuity } = await verify(node, sdJwtVc);
      t.equal(verdict, 'valid');
      t.same(continuity, {
        outcome: 'proven',
        firstOathDate: '2024-05-01',
        links: [
          {
            from: { code: CODES.hirakata, name: { ja: '枚方市', en: 'Hirakata City' } },
            to: { code: CODES.osaka, name: { ja: '大阪市', en: 'Osaka City' } },
            releasedOn: today(),
            outcome: 'passed',
          },
          {
            from: { code: CODES.osaka, name: { ja: '大阪市', en: 'Osaka City' } },
            to: { code: CODES.sakai, name: { ja: '堺市', en: 'Sakai City' } },
            releasedOn: today(),
            outcome: 'passed',
          },
        ],
      });
    }
  }
  const { sdJwtVc } = couple.certificates.first;
  t.equal(await told(osaka, withhold(sdJwtVc, 'continuity')), NOT_SHOWN, 'unless the holder keeps it back');
  const noDates = withhold(withhold(sdJwtVc, 'first_oath_date'), 'first_authority');
  t.equal(await told(osaka, noDates), PROVEN(2), 'the links say by themselves since when');
  const recognised = await sakai.call('POST', '/v1/recognitions', {
    token: sakai.token('clerk'),
    body: { certificate: sdJwtVc, purpose: 'continuation' },
  });
  t.equal(recognised.body.verification.continuity.outcome, 'proven', 'a clerk is told the same');

  await t.test('the register keeps the links sealed, and nothing waits anywhere in the clear', async (t) => {
    const { rows } = await sql<{ continuity: Buffer }>`select continuity from registration
      where id = ${couple.registrationId}`.execute(sakai.database.ownerDb);
    const [link = ''] = await storedAt(sakai, couple.registrationId, 3);
    t.ok(rows[0]?.continuity && !rows[0].continuity.includes(link.slice(0, 40)));
    const said = link.split('.')[1] ?? '';
    for (const node of everywhere()) {
      const { rows: lines } = await sql<{ line: string }>`select jws || receipt as line from message_evidence
        union all select content::text from outbox_message union all select facts::text from audit_event`.execute(
        node.database.ownerDb,
      );
      t.ok(lines.length > 0);
      t.notOk(
        lines.some(({ line }) => line.includes(said)),
        `not at ${node.place}`,
      );
      const evidence = await sql<{ jws: string }>`select jws from message_evidence`.execute(
        node.database.ownerDb,
      );
      const texts = evidence.rows.map(({ jws }) =>
        Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString(),
      );
      t.notMatch(texts.join(), /oath_date|2024-05-01/, 'and what is kept as evidence tells no date');
    }
  });

  await t.test('what a faulty issuer puts in its place is told from it', async (t) => {
    const others = await along(hirakata, osaka, sakai);
    const [one = '', two = ''] = readCertificate(sdJwtVc).claims.continuity ?? [];
    const [otherOne = '', otherTwo = ''] =
      readCertificate(others.certificates.first.sdJwtVc).claims.continuity ?? [];
    const { issuerTerms } = osaka.node.parts;
    const row = await findEpoch(osaka.node.parts.db, couple.registrationId, 2);
    if (!row) throw new Error('no record at the city that was left');
    const earlierOath = await signLink(
      {
        rid: row.id,
        to: CODES.sakai as AuthorityCode,
        epoch: 3,
        oathDate: row.oathDate,
        firstOathDate: '2022-09-01',
        firstAuthority: row.firstAuthority,
        releasedOn: today(),
        earlier: [one],
      },
      issuerTerms,
      (size) => new Uint8Array(size),
    );
    const { jws } = readLink(one) ?? {};
    if (!jws) throw new Error('no link');
    const resigned = await signCompactJws(jws.header, jws.claims, sakai.config.keys.certificate.privateKey);
    const cases: readonly [string, readonly string[], string][] = [
      ['swapped', [two, one], 'valid, failed: failed failed'],
      ['the beginning cut off', [two], 'valid, failed: failed'],
      ['the end cut off', [one], 'valid, failed: passed'],
      ['the beginning of another couple', [otherOne, two], 'valid, failed: passed failed'],
      ['the end of another couple', [one, otherTwo], 'valid, failed: passed failed'],
      ['signed anew by the third city', [resigned, two], 'valid, failed: failed failed'],
      ['an earlier first oath', [one, earlierOath], 'valid, failed: passed failed'],
      ['no link', ['a.b.c'], 'valid, failed: '],
      ['its own', [one, two], PROVEN(2)],
    ];
    for (const [name, links, expected] of cases)
      t.equal(await told(hirakata, await withChain(sakai, sdJwtVc, links)), expected, name);
  });
});

t.test('a couple that comes back and moves on again', async (t) => {
  const couple = await along(hirakata, osaka, hirakata, sakai);
  t.equal(await told(osaka, couple.certificates.second.sdJwtVc), PROVEN(3));
  const home = await move(sakai, hirakata, couple);
  t.equal(await told(osaka, home.certificates.second.sdJwtVc), PROVEN(4), 'home again');
});

t.test('a transfer that was called off leaves no link', async (t) => {
  const couple = await along(hirakata, osaka);
  const open = await held(sakai, 'accept');
  const opened = await begin(osaka, sakai, couple);
  await becomesTrue(async () => (await stateOf(sakai, opened.transferId)) === 'staged');
  t.equal(
    (await storedAt(sakai, couple.registrationId, 3)).length,
    1,
    'what came so far is staged with the rest',
  );
  await sakai.call('POST', `/v1/transfers/${opened.transferId}/withdrawal`, {
    token: sakai.token('clerk'),
    key: aKey(),
  });
  await becomesTrue(async () => (await stateOf(sakai, opened.transferId)) === 'withdrawn');
  t.same(await storedAt(sakai, couple.registrationId, 3), [], 'and goes with its key');
  await open();
  await becomesTrue(async () => {
    const { rows } =
      await sql`select from outbox_message where transfer_id = ${opened.transferId} and delivered_at is null`.execute(
        sakai.database.ownerDb,
      );
    return rows.length === 0;
  });
  const { rows } =
    await sql`select from outbox_message where transfer_id = ${opened.transferId} and step = 'release'`.execute(
      osaka.database.ownerDb,
    );
  t.equal(rows.length, 0, 'an ACCEPT that comes late makes none either');
  t.same(await checkedAt(sakai, opened), []);
  const moved = await move(osaka, sakai, couple);
  t.equal(
    await told(hirakata, moved.certificates.first.sdJwtVc),
    PROVEN(2),
    'the next time it goes as if nothing was',
  );
});

t.test('both die between release and activation, and the proof is whole', async (t) => {
  const couple = await along(hirakata, osaka);
  const open = await held(osaka, 'release');
  const opened = await begin(osaka, sakai, couple);
  await becomesTrue(async () => (await stateOf(osaka, opened.transferId)) === 'released');
  await Promise.all([osaka.close(), sakai.close()]);
  osaka = await anotherProcess(t.parent as Test, osaka, { clock });
  sakai = await anotherProcess(t.parent as Test, sakai, { clock });
  await open();
  const moved = await settled(osaka, sakai, opened, couple);
  t.equal(await told(hirakata, moved.certificates.first.sdJwtVc), PROVEN(2));
  t.same(await checkedAt(sakai, opened), [{ outcome: 'proven', links: 2 }], 'judged once');
});

/** Changes what waits at the origin to be released, as an older or a faulty origin would have sent it. */
async function released(
  origin: TestNode,
  destination: TestNode,
  couple: RegisteredCouple,
  link: string | null,
) {
  const open = await held(origin, 'release');
  const opened = await begin(origin, destination, couple);
  await becomesTrue(async () => (await stateOf(origin, opened.transferId)) === 'released');
  const { db, vault } = origin.node.parts;
  const { ownerDb } = origin.database;
  const row = await db
    .selectFrom('outbox_message')
    .select('payload_epoch')
    .where('transfer_id', '=', opened.transferId)
    .where('step', '=', 'release')
    .executeTakeFirstOrThrow();
  const subject = { kind: 'registration', id: couple.registrationId, epoch: row.payload_epoch ?? 0 } as const;
  const sealer = await openSealer(db, vault, subject);
  const payload = saltPayload(JSON.stringify({ link }), (size) => new Uint8Array(size));
  const sealed = link === null ? null : sealer?.seal('outbox.release', JSON.stringify(payload));
  await sql`update outbox_message set payload = ${sealed} where transfer_id = ${opened.transferId} and step = 'release'`.execute(
    ownerDb,
  );
  await open();
  return { opened, couple: await settled(origin, destination, opened, couple) };
}

t.test('a move that proves nothing is a move all the same', async (t) => {
  const start = async () => aRegisteredCouple(hirakata);
  const stranger = await along(hirakata, osaka);
  const [foreign = ''] = await storedAt(osaka, stranger.registrationId, 2);
  await t.test('from an origin of the last release, which signs no links', async (t) => {
    const { opened, couple } = await released(hirakata, osaka, await start(), null);
    t.same(await checkedAt(osaka, opened), [{ outcome: 'not_shown', links: 0 }]);
    t.equal(await told(sakai, couple.certificates.first.sdJwtVc), NOT_SHOWN);
    const onward = await begin(osaka, sakai, couple);
    const moved = await settled(osaka, sakai, onward, couple);
    t.same(await checkedAt(sakai, onward), [
      { outcome: 'undetermined', reason: 'start_not_shown', links: 1 },
    ]);
    t.equal(await told(hirakata, moved.certificates.first.sdJwtVc), 'valid, undetermined: passed');
    const back = await move(sakai, hirakata, moved);
    t.equal(
      await told(osaka, back.certificates.first.sdJwtVc),
      'valid, undetermined: passed passed',
      'and stays so',
    );
  });
  await t.test('with the link of another couple', async (t) => {
    const { opened, couple } = await released(hirakata, osaka, await start(), foreign);
    t.same(await checkedAt(osaka, opened), [{ outcome: 'failed', reason: 'leads_elsewhere', links: 0 }]);
    t.equal(
      await told(sakai, couple.certificates.first.sdJwtVc),
      NOT_SHOWN,
      'it is not put on a certificate',
    );
    t.same(await storedAt(osaka, couple.registrationId, 2), []);
  });
  await t.test('with a text that is no link', async (t) => {
    const { opened, couple } = await released(hirakata, osaka, await start(), 'x'.repeat(100));
    t.same(await checkedAt(osaka, opened), [{ outcome: 'failed', reason: 'link_malformed', links: 0 }]);
    t.equal(await told(sakai, couple.certificates.first.sdJwtVc), NOT_SHOWN);
  });
  await t.test('of a register that names another first authority', async (t) => {
    const couple = await start();
    await sql`update registration set first_authority = ${CODES.daito}, first_oath_date = '2020-01-05'
      where id = ${couple.registrationId}`.execute(hirakata.database.ownerDb);
    const opened = await begin(hirakata, osaka, couple);
    const moved = await settled(hirakata, osaka, opened, couple);
    t.same(await checkedAt(osaka, opened), [
      { outcome: 'undetermined', reason: 'start_not_shown', links: 1 },
    ]);
    t.equal(await told(sakai, moved.certificates.first.sdJwtVc), 'valid, undetermined: passed');
    t.notOk('firstOathDate' in (await verify(sakai, moved.certificates.first.sdJwtVc)).continuity);
  });
  await t.test('of a record whose first oath was put right after it came', async (t) => {
    const couple = await along(hirakata, osaka);
    await sql`update registration set first_oath_date = '2024-04-30'
      where id = ${couple.registrationId} and epoch = 2`.execute(osaka.database.ownerDb);
    const moved = await move(osaka, sakai, couple);
    t.equal(await told(hirakata, moved.certificates.first.sdJwtVc), 'valid, undetermined: passed');
  });
  await t.test('of partners who consented before the text named the authorities so far', async (t) => {
    const couple = await along(hirakata, osaka);
    const open = await aCaseWithSessions(sakai, osaka);
    await consented(sakai, open, couple);
    await sql`update transfer_consent set text_version = 'consent-2026-11-2' where transfer_id = ${open.transferId}`.execute(
      sakai.database.ownerDb,
    );
    t.equal((await approve(sakai, open.transferId)).status, 200);
    const moved = await settled(osaka, sakai, open, couple);
    t.same(await checkedAt(sakai, open), [{ outcome: 'failed', reason: 'link_out_of_order', links: 0 }]);
    t.equal(await told(hirakata, moved.certificates.first.sdJwtVc), NOT_SHOWN);
    const { body } = await osaka.call(
      'GET',
      `/v1/audit/events?type=personal_data_provided&record=${open.transferId}`,
      {
        token: osaka.token('auditor'),
      },
    );
    t.notOk(body.events[0].facts.items.includes('continuity'));
    t.ok(body.events[0].facts.items.includes('family_members'));
  });
});

t.test(
  'an authority that has left the agreement stays the witness of what it was a member for',
  async (t) => {
    const couple = await along(hirakata, osaka, sakai);
    const { sdJwtVc } = couple.certificates.first;
    const DAY_MS = 86_400_000;
    const is = (from: TestNode) => (member: { entityId: string }) => member.entityId === from.config.issuer;
    const until = dayInJapan(new Date(clock().getTime() + DAY_MS));
    network.members = network.members.map((member) =>
      is(hirakata)(member) ? { ...member, membership: { ...member.membership, to: until } } : member,
    );
    aheadMs += 3 * DAY_MS;
    const refreshed = async (node: TestNode) => {
      await hirakata.node.parts.directory.refresh();
      await node.node.parts.directory.refresh();
    };
    for (const node of [osaka, sakai]) {
      await becomesTrue(async () => {
        await refreshed(node);
        return (await told(node, sdJwtVc)) === PROVEN(2);
      });
      const member = node.node.parts.directory.known().find(is(hirakata));
      t.ok(
        (member?.memberships[0]?.until ?? Number.POSITIVE_INFINITY) <= clock().getTime() / 1000,
        'it has left',
      );
    }

    await t.test(
      'and once nothing is known of it any more, its word is neither proven nor false',
      async (t) => {
        network.members = network.members.filter((member) => !is(hirakata)(member));
        // Longer than a chain that cannot be renewed is believed.
        aheadMs += 9 * DAY_MS;
        await becomesTrue(async () => {
          await Promise.all([osaka, sakai].map((node) => node.node.parts.directory.refresh()));
          return (await told(osaka, sdJwtVc)) === 'valid, undetermined: undetermined passed';
        });
        t.pass();
      },
    );
  },
);
