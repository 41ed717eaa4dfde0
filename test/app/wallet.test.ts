import t from 'tap';
import { dayInJapan } from '../../src/kernel/clock.ts';
import { forgetExpired } from '../../src/wallet/once-store.ts';
import { aRegisteredCouple, aTransferredCouple } from './a-couple.ts';
import { type Answer, aKey, aNetwork, becomesTrue, CODES, type TestNode } from './a-network.ts';
import { AWallet, anOffer, aWalletKey, PRE_AUTHORIZED, type WalletAnswer } from './a-wallet.ts';
import { anotherProcess } from './another-process.ts';
import { aRegistration, partnerToken, scopeOf } from './request-examples.ts';

/** Stands still unless a test moves it; some tests do, so that no limit per minute is theirs together. */
let now = new Date('2026-11-20T01:00:00Z');
const clock = () => now;
const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000);
};
t.beforeEach(() => pass(60));

const network = await aNetwork(t, ['sakai', 'hirakata'], { clock });
const { sakai: node, hirakata: elsewhere } = network.nodes;
/** A second process of the same authority, at another address, on the same database. */
const second = await anotherProcess(t, node, { clock, work: false, config: { port: 0 } });
const issuer = node.config.issuer;
const aWallet = () => new AWallet({ clock });

const told = ({ status, body }: WalletAnswer | Answer) =>
  status < 400 ? `${status}` : `${status} ${body?.error ?? body?.code}`;
const clerk = node.token('clerk');

async function verdictOf(at: TestNode, certificate: string, keyBinding?: unknown): Promise<Answer['body']> {
  const body = { certificate, ...(keyBinding ? { keyBinding } : {}) };
  return (await at.call('POST', '/v1/verifications', { body })).body;
}

/** Lists are read anew each second: a certificate that ended is refused soon after, everywhere. */
const becomesInvalid = (at: TestNode, certificate: string) =>
  becomesTrue(async () => (await verdictOf(at, certificate)).verdict === 'invalid');

const endOf = (registrationId: string) =>
  node.call('POST', `/v1/registrations/${registrationId}/end`, {
    token: clerk,
    key: aKey(),
    body: { reason: 'dissolution', endedOn: dayInJapan(now) },
  });

const eventsOf = async (registrationId: string, type?: RegExp): Promise<Record<string, unknown>[]> => {
  const found = await node.call('GET', `/v1/audit/events?record=${registrationId}&limit=100`, {
    token: node.token('auditor'),
  });
  if (found.status !== 200) throw new Error(found.text);
  return found.body.events.filter((each: { type: string }) => !type || type.test(each.type));
};

/** The certificates in wallets that stand in the register. */
const inWallets = (registrationId: string) =>
  node.database.ownerDb
    .selectFrom('certificate')
    .select(['id', 'state', 'position'])
    .where('registration_id', '=', registrationId)
    .where('form', '=', 'wallet')
    .orderBy('intended_at')
    .execute();

t.test('from the counter into a telephone, and shown in another city', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const made = await node.call('POST', `/v1/registrations/${registrationId}/wallet-offers`, {
    token: clerk,
    body: { position: 'first', identityCheckedBy: 'photo_id' },
  });
  t.equal(made.status, 201);
  t.match(made.body, {
    offerUri:
      /^openid-credential-offer:\/\/\?credential_offer_uri=http%3A%2F%2F127\.0\.0\.1%3A\d+%2Fwallet%2Foffers%2F[\w-]{43}$/,
    transactionCode: /^\d{6}$/,
    expiresAt: new Date(now.getTime() + 30 * 60_000).toISOString(),
    needsApproval: false,
  });
  const wallet = aWallet();
  t.match(await wallet.endpoints(issuer), {
    credential_issuer: issuer,
    token_endpoint: `${issuer}/wallet/token`,
    nonce_endpoint: `${issuer}/wallet/nonce`,
    credential_endpoint: `${issuer}/wallet/credential`,
    deferred_credential_endpoint: `${issuer}/wallet/deferred-credential`,
    notification_endpoint: `${issuer}/wallet/notification`,
  });
  t.same(
    await wallet.readOffer(made.body.offerUri),
    await wallet.readOffer(made.body.offerUri),
    'read twice',
  );
  const { code } = await wallet.readOffer(made.body.offerUri);
  const token = await wallet.requestToken(issuer, code, made.body.transactionCode);
  t.match(token, { status: 200, body: { token_type: 'DPoP', expires_in: 300 } });
  t.equal(token.headers.get('cache-control'), 'no-store');
  const access = { issuer, accessToken: token.body.access_token };
  const nonce = await wallet.ask(`${issuer}/wallet/nonce`, { method: 'POST' });
  t.equal(nonce.headers.get('cache-control'), 'no-store');
  t.match(nonce.headers.get('dpop-nonce'), /^[\w-]{43}$/);

  const issued = await wallet.requestCredential(access);
  t.equal(told(issued), '200');
  t.same(Object.keys(issued.body), ['credentials', 'notification_id']);
  const [{ credential }] = issued.body.credentials;
  const [header, payload] = credential
    .split('.')
    .slice(0, 2)
    .map((part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  t.equal(header.typ, 'dc+sd-jwt');
  t.strictSame(payload.cnf, { jwk: wallet.holder.jwk });
  t.equal(payload.iss, issuer);

  const question = { audience: 'https://hospital.example', nonce: 'room-7-at-noon' };
  const shown = await wallet.present(credential, { ...question, disclose: ['partner_name'] });
  const verdict = await verdictOf(elsewhere, shown, question);
  t.match(verdict, { verdict: 'valid', issuer: { code: CODES.sakai } });
  t.match(JSON.stringify(verdict), /みほん/, 'what was disclosed');
  t.notMatch(JSON.stringify(verdict), /架空|1990-04-01/, 'and nothing else');
  t.equal((await verdictOf(elsewhere, shown, { ...question, nonce: 'room-7-at-one' })).verdict, 'invalid');
  t.equal((await verdictOf(elsewhere, credential, question)).verdict, 'invalid', 'a copy without its key');
  const thief = await new AWallet({ clock }).present(credential, question);
  t.equal((await verdictOf(elsewhere, thief, question)).verdict, 'invalid');
  t.equal(
    (await verdictOf(elsewhere, certificates.first.sdJwtVc)).verdict,
    'valid',
    'the other one stays good',
  );

  t.equal(told(await wallet.notify(access, issued.body.notification_id, 'credential_accepted')), '204');
  t.equal(told(await wallet.notify(access, issued.body.notification_id, 'credential_accepted')), '204');
  t.equal(told(await wallet.notify(access, issued.body.notification_id, 'credential_deleted')), '204');
  t.equal(told(await wallet.notify(access, issued.body.notification_id, 'credential_accepted')), '204');
  t.equal(told(await wallet.notify(access, 'made-up', 'credential_accepted')), '400 invalid_notification_id');
  t.equal(
    told(await wallet.notify(access, issued.body.notification_id, 'thrown_away')),
    '400 invalid_notification_request',
  );
  t.match(await eventsOf(registrationId, /^wallet_|certificates_issued/), [
    { type: 'certificates_issued' },
    { type: 'wallet_offer_made', actor: { role: 'clerk' }, facts: { needsApproval: false } },
    { type: 'wallet_certificate_requested', actor: { kind: 'partner' }, facts: { deferred: false } },
    { type: 'certificates_issued', actor: { kind: 'partner' } },
    { type: 'wallet_notified', facts: { event: 'credential_accepted' } },
    { type: 'wallet_notified', facts: { event: 'credential_deleted' } },
  ]);
  const seenBy = async (position: 'first' | 'second') => {
    const token = partnerToken(node, scopeOf('registration', registrationId, position));
    return (await node.call('GET', '/v1/me/accesses', { token })).text;
  };
  t.match(await seenBy('first'), /wallet_offer_made/);
  t.notMatch(await seenBy('second'), /wallet_/, 'that one has it on a telephone is not told to the other');
  const reference = decodeURIComponent(made.body.offerUri).split('/').at(-1);
  t.notMatch(
    network.lines.join('\n'),
    new RegExp([made.body.transactionCode, reference, code, access.accessToken, '架空', 'カクウ'].join('|')),
    'neither secrets nor names in any log',
  );
});

t.test('a partner takes their own certificate into their own wallet', async (t) => {
  const registrationId = await aRegistration(node);
  const token = partnerToken(node, scopeOf('registration', registrationId, 'second'));
  const made = await node.call('POST', '/v1/me/wallet-offers', { token });
  t.equal(made.status, 201);
  const certificate = await aWallet().take(made.body);
  t.equal((await verdictOf(node, certificate)).verdict, 'valid');
  t.match(await inWallets(registrationId), [{ state: 'issued', position: 'second' }]);
  const open = await node.call('POST', '/v1/transfers', {
    token: clerk,
    key: aKey(),
    body: { origin: CODES.hirakata },
  });
  const arriving = partnerToken(node, scopeOf('transfer', open.body.transferId));
  const early = await node.call('POST', '/v1/me/wallet-offers', { token: arriving });
  t.equal(told(early), '404 record_not_found', 'who has not arrived has nothing to take');
});

t.test('with the fifth wrong transaction code an offer ends, in whichever process they came', async (t) => {
  const registrationId = await aRegistration(node);
  const offer = await anOffer(node, registrationId);
  const wallet = aWallet();
  const { code } = await wallet.readOffer(offer.offerUri);
  const wrong = (at: number) => String((Number(offer.transactionCode) + at) % 1_000_000).padStart(6, '0');
  const there = new AWallet({ clock, via: (url) => url.replace(issuer, second.address) });
  for (const at of [1, 2, 3, 4])
    t.equal(told(await (at % 2 ? wallet : there).requestToken(issuer, code, wrong(at))), '400 invalid_grant');
  t.same(await eventsOf(registrationId, /burnt/), []);
  t.equal(told(await there.requestToken(issuer, code, wrong(5))), '400 invalid_grant');
  t.match(await eventsOf(registrationId, /burnt/), [{ actor: { kind: 'public' }, position: 'first' }]);
  t.equal(told(await wallet.requestToken(issuer, code, offer.transactionCode)), '400 invalid_grant');
  t.equal((await eventsOf(registrationId, /burnt/)).length, 1);
  const reference = new URL(offer.offerUri).searchParams.get('credential_offer_uri') ?? '';
  t.equal(told(await wallet.ask(reference)), '404 invalid_request');
});

t.test(
  'an offer is good for half an hour, a token for five minutes, a new offer ends the old one',
  async (t) => {
    const registrationId = await aRegistration(node);
    const wallet = aWallet();
    const first = await anOffer(node, registrationId);
    const { code } = await wallet.readOffer(first.offerUri);
    const other = await anOffer(node, registrationId, { position: 'second' });
    const next = await anOffer(node, registrationId);
    await t.rejects(wallet.readOffer(first.offerUri), { message: 'no offer: 404' });
    t.equal(told(await wallet.requestToken(issuer, code, first.transactionCode)), '400 invalid_grant');
    const access = await wallet.redeem(next);
    pass(299);
    t.equal(told(await wallet.post(access, '/wallet/notification', {})), '400 invalid_notification_request');
    pass(1);
    const late = await wallet.post(access, '/wallet/credential', {});
    t.equal(told(late), '401 invalid_token');
    t.equal(late.headers.get('www-authenticate'), 'DPoP error="invalid_token", algs="ES256"');
    pass(1500);
    await t.rejects(wallet.readOffer(other.offerUri), { message: 'no offer: 404' });
    t.same(await inWallets(registrationId), []);
    const { code: unknown } = { code: 'A'.repeat(43) };
    t.equal(told(await wallet.requestToken(issuer, unknown, '000000')), '400 invalid_grant');
  },
);

t.test('of twenty who redeem a code at once, in two processes, one gets a token', async (t) => {
  const offer = await anOffer(node, await aRegistration(node));
  const wallets = Array.from({ length: 20 }, (_, at) =>
    at % 2 ? aWallet() : new AWallet({ clock, via: (url) => url.replace(issuer, second.address) }),
  );
  const [{ code }] = await Promise.all([
    (wallets[0] as AWallet).readOffer(offer.offerUri),
    ...wallets.map((wallet) => wallet.nonce(issuer)),
  ]);
  const answers = await Promise.all(
    wallets.map((wallet) => wallet.requestToken(issuer, code, offer.transactionCode)),
  );
  t.same(answers.map(told).toSorted(), ['200', ...Array(19).fill('400 invalid_grant')]);
});

t.test('two processes serve one wallet, whichever it reaches', async (t) => {
  const registrationId = await aRegistration(node);
  const offer = await anOffer(second, registrationId);
  let asked = 0;
  const wallet = new AWallet({
    clock,
    via: (url) => (asked++ % 2 ? url : url.replace(issuer, second.address)),
  });
  const access = await wallet.redeem(offer);
  const issued = await wallet.requestCredential(access);
  t.equal(told(issued), '200');
  t.equal(told(await wallet.notify(access, issued.body.notification_id, 'credential_accepted')), '204');
  t.ok(asked >= 5);
});

t.test(
  'one offer is one certificate: an answer that was lost is given again, to the same key only',
  async (t) => {
    const registrationId = await aRegistration(node);
    const wallet = aWallet();
    const access = await wallet.redeem(await anOffer(node, registrationId));
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const proof = await wallet.keyProof(issuer, await wallet.nonce(issuer));
        return wallet.post(access, '/wallet/credential', {
          credential_configuration_id: 'partnership-oath',
          proofs: { jwt: [proof] },
        });
      }),
    );
    t.same([...new Set(answers.map(told))], ['200']);
    const [first] = answers;
    for (const answer of answers) t.strictSame(answer.body, first?.body);
    t.match(await inWallets(registrationId), { length: 1 });
    const thief = aWalletKey();
    const taken = await wallet.requestCredential(access, {
      header: { jwk: thief.jwk },
      key: thief.privateKey,
    });
    t.equal(told(taken), '400 credential_request_denied');
  },
);

t.test('whoever has no right token, key and proof gets a refusal by its name', async (t) => {
  const registrationId = await aRegistration(node);
  const wallet = aWallet();
  const access = await wallet.redeem(await anOffer(node, registrationId));
  const url = `${issuer}/wallet/credential`;
  const send = (headers: Record<string, string>, body: unknown = {}) =>
    wallet.ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const authorization = `DPoP ${access.accessToken}`;
  const nothing = await send({});
  t.equal(told(nothing), '401 invalid_token');
  t.equal(nothing.headers.get('www-authenticate'), 'DPoP algs="ES256"');
  const { accessToken } = access;
  const dpop = () => wallet.dpopProof(url, { accessToken });
  const cases: Record<string, [() => Promise<Record<string, string>>, string]> = {
    'as a bearer': [
      async () => ({ authorization: `Bearer ${accessToken}`, dpop: await dpop() }),
      '401 invalid_token',
    ],
    'made up': [
      async () => ({ authorization: `DPoP ${'A'.repeat(43)}`, dpop: await dpop() }),
      '401 invalid_token',
    ],
    'no proof': [async () => ({ authorization }), '401 invalid_dpop_proof'],
    'two proofs': [
      async () => ({ authorization, dpop: `${await dpop()}, ${await dpop()}` }),
      '401 invalid_dpop_proof',
    ],
    'for another token': [
      async () => ({ authorization, dpop: await wallet.dpopProof(url, { accessToken: 'another' }) }),
      '401 invalid_dpop_proof',
    ],
    'for another endpoint': [
      async () => ({
        authorization,
        dpop: await wallet.dpopProof(`${issuer}/wallet/token`, { accessToken }),
      }),
      '401 invalid_dpop_proof',
    ],
    'by another key': [
      async () => ({ authorization, dpop: await aWallet().dpopProof(url, { accessToken }) }),
      '401 invalid_dpop_proof',
    ],
    'without a nonce': [
      async () => ({
        authorization,
        dpop: await wallet.dpopProof(url, { accessToken, claims: { nonce: undefined } }),
      }),
      '401 use_dpop_nonce',
    ],
  };
  for (const [name, [headers, expected]] of Object.entries(cases)) {
    const answer = await send(await headers());
    t.equal(told(answer), expected, name);
    t.match(answer.headers.get('www-authenticate'), `DPoP error="${expected.slice(4)}"`, name);
  }
  const once = await dpop();
  t.equal(told(await send({ authorization, dpop: once })), '400 invalid_credential_request');
  t.equal(told(await send({ authorization, dpop: once })), '401 use_dpop_nonce', 'a proof is good once');

  const proof = await wallet.keyProof(issuer, await wallet.nonce(issuer));
  const request = { credential_configuration_id: 'partnership-oath', proofs: { jwt: [proof] } };
  t.equal(
    told(await wallet.requestCredential(access, { claims: { aud: elsewhere.config.issuer } })),
    '400 invalid_proof',
  );
  t.equal(told(await wallet.requestCredential(access, { header: { typ: 'dpop+jwt' } })), '400 invalid_proof');
  t.same(await inWallets(registrationId), [], 'nothing was issued so far');
  t.equal(told(await wallet.post(access, '/wallet/credential', request)), '200');
  t.equal(
    told(await wallet.post(access, '/wallet/credential', request)),
    '400 invalid_nonce',
    'nor twice a proof',
  );
  t.equal(
    told(await wallet.requestDeferred(access, 'made-up')),
    '400 invalid_transaction_id',
    'what was not deferred has no transaction',
  );
});

t.test('a token endpoint reads a form and nothing else', async (t) => {
  const offer = await anOffer(node, await aRegistration(node));
  const wallet = aWallet();
  const { code } = await wallet.readOffer(offer.offerUri);
  await wallet.nonce(issuer);
  const url = `${issuer}/wallet/token`;
  const form = new URLSearchParams({
    grant_type: PRE_AUTHORIZED,
    'pre-authorized_code': code,
    tx_code: offer.transactionCode,
  }).toString();
  const send = async (body: string, type = 'application/x-www-form-urlencoded', proof = true) =>
    wallet.ask(url, {
      method: 'POST',
      headers: { 'content-type': type, ...(proof ? { dpop: await wallet.dpopProof(url) } : {}) },
      body,
    });
  const json = JSON.stringify(Object.fromEntries(new URLSearchParams(form)));
  t.equal(told(await send(json, 'application/json')), '415 invalid_request');
  t.equal(told(await send(form, 'text/plain')), '415 invalid_request');
  t.equal(told(await send(`${form}&tx_code=${offer.transactionCode}`)), '400 invalid_request');
  t.equal(told(await send(form.replace(/&tx_code=\d+/, ''))), '400 invalid_request');
  t.equal(told(await send('grant_type=authorization_code&code=abc')), '400 unsupported_grant_type');
  const unproved = await send(form, undefined, false);
  t.equal(told(unproved), '400 invalid_dpop_proof');
  t.match(unproved.body.error_description, /a DPoP proof is required/);
  t.equal(unproved.headers.get('cache-control'), 'no-store');
  t.equal(told(await send(form)), '200', 'none of these used the code or its nonce up');
  t.equal(told(await send(form)), '400 invalid_grant', 'a code is good once');
});

t.test('where two people are asked for, a wallet waits for the second one', async (t) => {
  const registrationId = await aRegistration(node);
  const wallet = aWallet();
  const offer = await anOffer(node, registrationId, { needsApproval: true });
  const { code } = await wallet.readOffer(offer.offerUri);
  const token = await wallet.requestToken(issuer, code, offer.transactionCode);
  t.match(token.body, { expires_in: 30 * 86_400 });
  const access = { issuer, accessToken: token.body.access_token };
  const waiting = await wallet.requestCredential(access);
  t.strictSame(waiting.body, { transaction_id: waiting.body.transaction_id, interval: 5 });
  t.equal(told(waiting), '202');
  const { transaction_id: transaction } = waiting.body;
  t.strictSame((await wallet.requestCredential(access)).body, waiting.body, 'the same again');
  t.strictSame((await wallet.requestDeferred(access, transaction)).body, waiting.body);
  t.same(await inWallets(registrationId), []);

  const list = async () =>
    (await node.call('GET', '/v1/wallet-issuances', { token: clerk })).body.issuances.filter(
      (each: { registrationId: string }) => each.registrationId === registrationId,
    );
  const [entry] = await list();
  t.same(Object.keys(entry).toSorted(), ['issuanceId', 'position', 'registrationId', 'requestedAt', 'state']);
  const decide = (subject: string, decision: string, key = aKey()) =>
    node.call('POST', `/v1/wallet-issuances/${entry.issuanceId}/decision`, {
      token: node.token('approver', subject),
      key,
      body: { decision },
      headers: { 'accept-language': 'en' },
    });
  const alone = await decide('clerk-1', 'approve');
  t.equal(told(alone), '403 same_person_decides');
  t.match(alone.body.detail, /another approver/i);
  const key = aKey();
  const approved = await decide('approver-1', 'approve', key);
  t.match(approved.body, { state: 'approved', registrationId, position: 'first' });
  t.strictSame((await decide('approver-1', 'approve', key)).body, approved.body, 'said again');
  const late = await decide('approver-2', 'deny');
  t.equal(told(late), '409 certificate_state_conflict');
  t.match(late.body, { state: 'approved', allowed: ['waiting'] });
  t.same(await list(), []);

  const stranger = new AWallet({ clock, holder: wallet.holder });
  t.equal(told(await stranger.requestDeferred(access, transaction)), '401 invalid_dpop_proof');
  const collected = await Promise.all([
    wallet.requestDeferred(access, transaction),
    wallet.requestDeferred(access, transaction),
  ]);
  t.same(collected.map(told).toSorted(), ['200', '400 invalid_transaction_id']);
  const { credentials } = collected.find(({ status }) => status === 200)?.body ?? {};
  t.equal((await verdictOf(node, credentials[0].credential)).verdict, 'valid');
  t.equal(told(await wallet.requestDeferred(access, transaction)), '400 invalid_transaction_id');
  t.strictSame((await wallet.requestCredential(access)).body.credentials, credentials, 'a lost answer');
  t.match(await inWallets(registrationId), { length: 1 });
  t.match(await eventsOf(registrationId, /^wallet_/), [
    { type: 'wallet_offer_made' },
    { type: 'wallet_certificate_requested', facts: { deferred: true } },
    { type: 'wallet_issuance_decided', actor: { subject: 'approver-1' }, facts: { decision: 'approve' } },
  ]);
});

/** A wallet whose request waits for an approver. */
async function aWaiting(registrationId: string) {
  const wallet = aWallet();
  const access = await wallet.redeem(await anOffer(node, registrationId, { needsApproval: true }));
  const { body } = await wallet.requestCredential(access);
  const { issuances } = (await node.call('GET', '/v1/wallet-issuances', { token: clerk })).body;
  const { issuanceId } = issuances.find(
    (each: { registrationId: string }) => each.registrationId === registrationId,
  );
  const decide = (decision: string) =>
    node.call('POST', `/v1/wallet-issuances/${issuanceId}/decision`, {
      token: node.token('approver'),
      key: aKey(),
      body: { decision },
    });
  return { decide, collect: () => wallet.requestDeferred(access, body.transaction_id) };
}

t.test('what an approver denies, and what ends meanwhile, is never issued', async (t) => {
  const denied = await aWaiting(await aRegistration(node));
  t.match((await denied.decide('deny')).body, { state: 'denied' });
  t.equal(told(await denied.collect()), '400 credential_request_denied');

  const endedWaiting = await aRegistration(node);
  const waiting = await aWaiting(endedWaiting);
  await endOf(endedWaiting);
  t.equal(told(await waiting.collect()), '400 credential_request_denied');
  t.equal(told(await waiting.decide('approve')), '409 registration_state_conflict');
  t.equal(told(await waiting.decide('deny')), '200');

  const endedApproved = await aRegistration(node);
  const approved = await aWaiting(endedApproved);
  await approved.decide('approve');
  await endOf(endedApproved);
  t.equal(told(await approved.collect()), '400 credential_request_denied');

  const wallet = aWallet();
  const endedOffered = await aRegistration(node);
  const offer = await anOffer(node, endedOffered);
  const { code } = await wallet.readOffer(offer.offerUri);
  await endOf(endedOffered);
  t.equal(told(await wallet.requestToken(issuer, code, offer.transactionCode)), '400 invalid_grant');
  const afterwards = await node.call('POST', `/v1/registrations/${endedOffered}/wallet-offers`, {
    token: clerk,
    body: { position: 'first', identityCheckedBy: 'photo_id' },
    headers: { 'accept-language': 'en' },
  });
  t.equal(told(afterwards), '409 registration_state_conflict');
  t.match(afterwards.body, { state: 'ended', allowed: ['active'] });

  const endedRedeemed = await aRegistration(node);
  const access = await wallet.redeem(await anOffer(node, endedRedeemed));
  await endOf(endedRedeemed);
  t.equal(told(await wallet.requestCredential(access)), '400 credential_request_denied');
  for (const id of [endedWaiting, endedApproved, endedOffered, endedRedeemed])
    t.same(await inWallets(id), []);
});

t.test('a registration that ends or moves takes its wallet certificates with it', async (t) => {
  const couple = await aRegisteredCouple(node);
  const wallet = aWallet();
  const access = await wallet.redeem(await anOffer(node, couple.registrationId));
  const issued = await wallet.requestCredential(access);
  const ended = issued.body.credentials[0].credential;
  t.equal((await verdictOf(elsewhere, ended)).verdict, 'valid');
  await endOf(couple.registrationId);
  await Promise.all([becomesInvalid(node, ended), becomesInvalid(elsewhere, ended)]);
  t.equal(told(await wallet.requestCredential(access)), '400 credential_request_denied', 'nor given again');

  const moving = await aRegisteredCouple(node);
  const moved = await aWallet().take(await anOffer(node, moving.registrationId));
  const unused = await anOffer(node, moving.registrationId, { position: 'second' });
  await aTransferredCouple(node, elsewhere, moving);
  await becomesInvalid(elsewhere, moved);
  t.match(await inWallets(moving.registrationId), [{ state: 'revoked' }]);
  await t.rejects(aWallet().redeem(unused), { message: 'no token: 400 invalid_grant' });
});

t.test('a new telephone ends the certificate in the old one, and nobody else’s', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const old = await aWallet().take(await anOffer(node, registrationId));
  const partners = await aWallet().take(await anOffer(node, registrationId, { position: 'second' }));
  const renewed = await aWallet().take(await anOffer(node, registrationId));
  await becomesInvalid(node, old);
  const verdicts = await Promise.all(
    [old, renewed, partners, certificates.first.sdJwtVc].map((each) => verdictOf(node, each)),
  );
  t.same(
    verdicts.map(({ verdict }) => verdict),
    ['invalid', 'valid', 'valid', 'valid'],
  );
});

t.test('whether two people are asked for is what the rules say on the day of the offer', async (t) => {
  const proposer = node.token('administrator', 'administrator-1');
  const book = await node.call('GET', '/v1/rule-book', { token: proposer });
  const entry = book.body.entries.authorities.find((each: { code: string }) => each.code === CODES.sakai);
  for (const ruleSet of entry.ruleSets) ruleSet.issueNeedsApprover = true;
  const proposed = await node.call('POST', '/v1/rule-changes', {
    token: proposer,
    key: aKey(),
    body: { reason: '決裁を二人で行うため', entries: { authorities: [entry] }, on: dayInJapan(now) },
  });
  t.equal(proposed.status, 201, proposed.text);
  const approved = await node.call('POST', `/v1/rule-changes/${proposed.body.changeId}/decision`, {
    token: node.token('approver'),
    key: aKey(),
    body: { decision: 'approve' },
  });
  t.equal(approved.status, 200, approved.text);
  const made = await node.call('POST', `/v1/registrations/${await aRegistration(node)}/wallet-offers`, {
    token: clerk,
    body: { position: 'second', identityCheckedBy: 'two_documents' },
  });
  t.match(made.body, { needsApproval: true });
  const wallet = aWallet();
  t.equal(told(await wallet.requestCredential(await wallet.redeem(made.body))), '202');
});

t.test('what is kept of all this opens nothing: digests, and soon not even these', async (t) => {
  pass(3600);
  await forgetExpired(node.node.parts);
  const { ownerDb } = node.database;
  t.same(await ownerDb.selectFrom('wallet_once').select('digest').execute(), []);
  const tokens = await ownerDb.selectFrom('wallet_token').select(['token_hash', 'jkt']).execute();
  t.ok(tokens.length > 5);
  t.ok(tokens.every(({ token_hash: hash, jkt }) => hash.length === 32 && jkt !== null));
});
