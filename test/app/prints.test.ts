import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { dayInJapan } from '../../src/kernel/clock.ts';
import { daysAfter } from '../../src/registry/japan-day.ts';
import { PAPER_FIELDS } from '../../src/registry/paper-rules.ts';
import { anApplication, anOpenCase, approve, aRegisteredCouple, consented } from './a-couple.ts';
import { type Answer, aKey, aNetwork, becomesTrue, CODES } from './a-network.ts';
import { aCarriedOut, aDraft, today } from './a-procedure.ts';
import { partnerToken, scopeOf } from './request-examples.ts';

const DAY_MS = 86_400_000;
let aheadMs = 0;
const clock = () => new Date(Date.now() + aheadMs);
const { nodes } = await aNetwork(t, ['sakai', 'hirakata'], { clock });
const { sakai: node, hirakata: other } = nodes;
const folder = mkdtempSync(join(tmpdir(), 'chikai-prints-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

async function print(path: string, token: string): Promise<{ status: number; type: string; pdf: Buffer }> {
  const response = await fetch(`${node.address}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    pdf: Buffer.from(await response.arrayBuffer()),
  };
}

const isSealed = (pdf: Buffer): boolean => pdf.includes('/ETSI.CAdES.detached');

/** Where poppler is not installed only what needs no reader is looked at; in CI it must be there. */
function poppler(program: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT' && !process.env.CI) return undefined;
    throw error;
  }
}

t.test('a clerk prints a certificate on paper, as a card, and its English sheet', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const { certificateId, sdJwtVc } = certificates.second;
  const path = `/v1/registrations/${registrationId}/certificates/${certificateId}/print?purpose=issue`;
  for (const format of ['a4', 'card', 'companion_en']) {
    const { status, type, pdf } = await print(`${path}&format=${format}`, node.token('clerk'));
    t.same([status, type], [200, 'application/pdf'], format);
    t.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    t.ok(isSealed(pdf), `${format} is sealed`);
    const file = join(folder, `${format}.pdf`);
    writeFileSync(file, pdf);
    const text = poppler('pdftotext', file, '-');
    if (text === undefined) continue;
    t.match(text, /みほん/, 'the alias stands on it');
    t.notMatch(text, /見本 邉/, 'and not the name that its bearer keeps to themselves');
    if (format === 'companion_en') continue;
    poppler('pdfdetach', '-saveall', '-o', folder, file);
    t.equal(readFileSync(join(folder, 'receipt.sd-jwt'), 'utf8'), sdJwtVc, 'the certificate, byte for byte');
  }
  const events = await node.call(
    'GET',
    `/v1/audit/events?record=${registrationId}&type=certificate_printed`,
    {
      token: node.token('auditor'),
    },
  );
  t.match(events.body.events[0], { purpose: 'issue', facts: { certificateId, format: 'a4' } });
});

t.test('a partner prints their own certificate and never the other one', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const mine = partnerToken(node, scopeOf('registration', registrationId, 'first'));
  const own = await print(`/v1/me/certificates/${certificates.first.certificateId}/print`, mine);
  t.same([own.status, own.pdf.subarray(0, 5).toString()], [200, '%PDF-']);
  const others = await print(`/v1/me/certificates/${certificates.second.certificateId}/print`, mine);
  t.equal(others.status, 404);
});

t.test('a certificate that was revoked is not printed', async (t) => {
  const { registrationId, certificates } = await aRegisteredCouple(node);
  const path = `/v1/registrations/${registrationId}/certificates/${certificates.first.certificateId}`;
  await node.call('POST', `${path}/revocation`, {
    token: node.token('clerk'),
    key: 'printed-after-revocation',
    body: { reason: 'lost' },
  });
  const answer = await node.call('GET', `${path}/print?purpose=issue`, { token: node.token('clerk') });
  t.match(answer, { status: 409, body: { code: 'certificate_state_conflict', state: 'revoked' } });
});

t.test(
  'a name that no font here can draw is refused with its place, and nothing else is printed',
  async (t) => {
    const { registrationId, certificates } = await aRegisteredCouple(node, {
      first: { registeredName: '架空 \u{10FFFD}子' },
    });
    const path = `/v1/registrations/${registrationId}/certificates/${certificates.first.certificateId}/print`;
    const answer = await node.call('GET', `${path}?purpose=issue`, { token: node.token('clerk') });
    t.match(answer, { status: 422, body: { code: 'document_not_printable' } });
    t.match(answer.body.detail, /\/partners\/first\/shownName/);
    t.notMatch(answer.text, /架空/);
  },
);

t.test('a document of a procedure is printed as it is told', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  const id = await aDraft(node, { kind: 'reissue', filedBy: 'first', registrationId });
  const path = `/v1/procedures/${id}/documents/decision_sheet`;
  const { status, pdf } = await print(`${path}/print?purpose=inquiry`, node.token('approver'));
  t.equal(status, 200);
  t.notOk(isSealed(pdf), 'what the office tells itself bears no seal');
  const told = await node.call('GET', `${path}?purpose=inquiry`, { token: node.token('approver') });
  const file = join(folder, 'decision.pdf');
  writeFileSync(file, pdf);
  const text = poppler('pdftotext', file, '-');
  if (text !== undefined) t.match(text.replaceAll(/\s/g, ''), told.body.title.replaceAll(/\s/g, ''));
});

t.test('what the authority certifies bears its seal', async (t) => {
  const { registrationId } = await aRegisteredCouple(node);
  await aCarriedOut(node, {
    kind: 'dissolution',
    filedBy: 'both',
    registrationId,
    content: { endedOn: today() },
  });
  const id = await aCarriedOut(node, {
    kind: 'certificate_of_fact',
    filedBy: 'first',
    registrationId,
    content: { forPosition: 'first', identityCheckedBy: 'photo_id', showPartner: false },
  });
  const path = `/v1/procedures/${id}/documents/certificate_of_fact/print?purpose=issue`;
  const { status, pdf } = await print(path, node.token('clerk'));
  t.equal(status, 200);
  t.ok(isSealed(pdf));
  const file = join(folder, 'fact.pdf');
  writeFileSync(file, pdf);
  const report = poppler('pdfsig', '-nocert', file);
  if (report !== undefined) t.match(report, /Signature Validation: Signature is Valid/);
});

t.test('the notice to the origin bears the seal of the destination', async (t) => {
  const couple = await aRegisteredCouple(other);
  const open = await anOpenCase(node, other);
  await consented(node, open, couple, anApplication('sakai'));
  t.equal((await approve(node, open.transferId)).status, 200);
  const path = `/v1/transfers/${open.transferId}/documents/notice_to_origin`;
  const asked = { token: node.token('clerk') };
  await becomesTrue(
    async () => (await node.call('GET', `${path}?purpose=continuation`, asked)).status === 200,
  );
  const { status, pdf } = await print(`${path}/print?purpose=continuation`, node.token('clerk'));
  t.equal(status, 200);
  t.ok(isSealed(pdf));
  const file = join(folder, 'notice.pdf');
  writeFileSync(file, pdf);
  t.match(textOf(file) ?? '枚方市 御中', /枚方市 ?御中/, 'to the origin');
  const report = poppler('pdfsig', '-nocert', file);
  if (report === undefined) return;
  t.match(report, /Signature Validation: Signature is Valid/);
  t.match(report, /Total document signed/);
  t.match(report, /試験のsakai/, 'by the certificate of the authority that sends it');
});

type Json = Record<string, unknown>;
const proposer = node.token('administrator', 'administrator-1');
const approver = node.token('administrator', 'administrator-2');
const post = (path: string, body: unknown, token: string, language = 'ja') =>
  node.call('POST', path, { token, key: aKey(), body, headers: { 'accept-language': language } });
const told = ({ status, body }: Answer) => (status < 400 ? `${status}` : `${status} ${body?.code}`);

function textOf(file: string): string | undefined {
  return poppler('pdftotext', '-raw', file, '-');
}

/** This authority's own entry as it is now, with new rules from a day on. */
async function rulesFrom(day: string, rules: Json): Promise<{ authorities: Json[] }> {
  const answer = await node.call('GET', '/v1/rule-book', { token: proposer });
  const entries: Json[] = answer.body.entries.authorities;
  const entry = entries.find(({ code }) => code === CODES.sakai) as Json & { ruleSets: Json[] };
  const last = entry.ruleSets.at(-1) as Json;
  entry.ruleSets.push({ ...structuredClone(last), ...rules, validFrom: day });
  last.validTo = daysAfter(day, -1);
  return { authorities: [entry] };
}

const OWN_WORDS = {
  title: '架空宣誓受領証',
  declaration: '架空の宣誓を受領したことを証します。',
  head: { title: '架空市長', name: '手本 次郎' },
  companionTitle: 'Receipt of a Made-up Oath',
};

/** A certificate's paper as text without blanks; undefined where nobody can read it here. */
async function printedText(couple: Awaited<ReturnType<typeof aRegisteredCouple>>, format: string) {
  const { certificateId } = couple.certificates.first;
  const path = `/v1/registrations/${couple.registrationId}/certificates/${certificateId}/print`;
  const { status, pdf } = await print(`${path}?purpose=issue&format=${format}`, node.token('clerk'));
  if (status !== 200) throw new Error(`${status} ${pdf}`);
  const file = join(folder, 'worded.pdf');
  writeFileSync(file, pdf);
  return textOf(file)?.replaceAll(/\s/g, '');
}

t.test(
  'an authority words its receipt from a day on, with four eyes, and what was issued before keeps its words',
  async (t) => {
    const today = dayInJapan(clock());
    const tomorrow = daysAfter(today, 1);
    const early = await aRegisteredCouple(node);
    const entries = await rulesFrom(tomorrow, { paper: OWN_WORDS, certificateFormats: ['A4'] });

    const late = await rulesFrom(today, { paper: OWN_WORDS });
    const refused = await post('/v1/rule-changes', { reason: '文言', entries: late }, proposer, 'en');
    t.equal(told(refused), '422 rule_change_faulty', 'the words of today may stand on a paper already');
    t.match(refused.body.faults[0], {
      where: 'authorities/271403/ruleSets/1/paper/title',
      rule: 'past_wording',
      text: new RegExp(`issued already: state it in a new entry that starts on ${tomorrow} or later`),
    });

    await t.test('a specimen shows it before anybody decides', async (t) => {
      for (const [format, on, says] of [
        ['a4', tomorrow, '架空宣誓受領証'],
        ['a4', today, '宣誓書受領証'],
        ['companion_en', tomorrow, 'ReceiptofaMade-upOath'],
      ] as const) {
        const answer = await fetch(`${node.address}/v1/rule-changes/paper-preview`, {
          method: 'POST',
          headers: { authorization: `Bearer ${proposer}`, 'content-type': 'application/json' },
          body: JSON.stringify({ entries, on, format }),
        });
        const pdf = Buffer.from(await answer.arrayBuffer());
        t.same([answer.status, answer.headers.get('content-type')], [200, 'application/pdf']);
        t.notOk(isSealed(pdf), 'without a seal');
        t.notOk(pdf.includes(node.address), 'and without an address that a code would lead to');
        const file = join(folder, 'specimen.pdf');
        writeFileSync(file, pdf);
        const text = textOf(file)?.replaceAll(/\s/g, '');
        if (text === undefined) continue;
        t.ok(text.includes(says), `${format} of ${on}`);
        t.match(text, /SAMPLE/);
        t.equal(text.includes('手本次郎'), on === tomorrow && format === 'a4', 'who signs on that day');
      }
      const card = { entries, on: tomorrow, format: 'card' };
      t.equal(told(await post('/v1/rule-changes/paper-preview', card, approver)), '422 format_not_offered');
      const before = { entries: {}, on: '2001-01-01' };
      t.equal(told(await post('/v1/rule-changes/paper-preview', before, approver)), '422 rules_not_in_force');
      const { changes } = (await node.call('GET', '/v1/rule-changes', { token: proposer })).body;
      t.same(changes, [], 'nothing is kept');
    });

    const proposed = await post('/v1/rule-changes', { reason: '様式の改正', entries }, proposer);
    t.equal(told(proposed), '201', proposed.text);
    const path = `/v1/rule-changes/${proposed.body.changeId}/decision`;
    t.equal(told(await post(path, { decision: 'approve' }, proposer)), '403 same_person_decides');
    t.equal(told(await post(path, { decision: 'approve' }, approver)), '200');
    const sameDay = await printedText(early, 'a4');

    aheadMs = DAY_MS;
    const afterwards = await aRegisteredCouple(node);
    const [own, usual] = [await printedText(afterwards, 'a4'), await printedText(early, 'a4')];
    if (own !== undefined && usual !== undefined) {
      for (const words of ['架空宣誓受領証', '架空の宣誓を受領したことを証します。', '架空市長手本次郎'])
        t.ok(own.includes(words), words);
      t.notMatch(own, /互いを人生のパートナーとし/);
      t.match(own, /ほかの方に伝えないでください/, 'where its rules are silent the usual words stand');
      t.match(usual, /互いを人生のパートナーとし/);
      t.notMatch(usual, /架空宣誓受領証|手本次郎/);
      t.equal(usual, sameDay, 'the same paper, however often and whenever it is printed');
      t.match(await printedText(afterwards, 'companion_en'), /ReceiptofaMade-upOath/);
    }

    await t.test('a format that the rules of its day do not offer is refused', async (t) => {
      const { registrationId, certificates } = afterwards;
      const certificate = `certificates/${certificates.first.certificateId}/print`;
      const asked = `/v1/registrations/${registrationId}/${certificate}?purpose=issue&format=card`;
      for (const [language, words] of [
        ['ja', /「card」の形では交付していません.*選んでください: a4/],
        ['en', /not issued as “card”.*Choose one of: a4/],
      ] as const) {
        const answer = await node.call('GET', asked, {
          token: node.token('clerk'),
          headers: { 'accept-language': language },
        });
        t.match(answer, {
          status: 422,
          body: { code: 'format_not_offered' },
        });
        t.match([answer.body.detail, ...answer.body.toDo].join(' '), words);
      }
      const mine = partnerToken(node, scopeOf('registration', registrationId, 'first'));
      t.equal((await print(`/v1/me/${certificate}?format=card`, mine)).status, 422);
      t.equal((await print(`/v1/me/${certificate}`, mine)).status, 200, 'what is offered is the default');
      await printedText(early, 'card');
    });

    await t.test('the book shows each sentence, and what is not stated as to be confirmed', async (t) => {
      const { body } = await node.call('GET', '/v1/rule-book', { token: node.token('administrator') });
      const values = (body.values as Json[]).filter(
        ({ authority, validFrom, field }) =>
          authority === CODES.sakai && validFrom === tomorrow && String(field).startsWith('paper.'),
      );
      t.equal(values.length, PAPER_FIELDS.length);
      for (const { field, value, unconfirmed } of values) {
        const stated = (OWN_WORDS as Json)[String(field).slice('paper.'.length)] ?? null;
        t.same([value, unconfirmed], [stated, stated === null], String(field));
      }
    });
  },
);
