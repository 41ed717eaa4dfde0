import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { aRegisteredCouple } from './a-couple.ts';
import { aNetwork } from './a-network.ts';
import { aCarriedOut, aDraft, today } from './a-procedure.ts';
import { partnerToken, scopeOf } from './request-examples.ts';

const { nodes } = await aNetwork(t, ['sakai']);
const node = nodes.sakai;
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
