import { setTimeout as pause } from 'node:timers/promises';
import { applicationOfBoth, inventCouple } from '../../src/network/demo-couple.ts';
import type { NetworkFile } from '../../src/network/network-file.ts';
import type { Forms } from '../app/a-couple.ts';
import type { Random } from '../transfer/simulation/random.ts';
import type { Counter, Said } from './counter.ts';
import { type Attempt, type Couple, type Ledger, POSITIONS } from './ledger.ts';

export type Office = { readonly authority: NetworkFile['authorities'][number]; readonly counter: Counter };

export type LoadTerms = {
  readonly offices: readonly Office[];
  readonly ledger: Ledger;
  readonly random: Random;
  readonly today: string;
  /** No new work after this; what is begun is brought to its end. */
  readonly enough: AbortSignal;
};

const MAX_COUPLES = 120;
/** States in which a case at the destination is over. */
const OVER = ['completed', 'withdrawn', 'declined', 'consent_refused', 'refused_by_origin'];

/** One pair of hands: does one thing after the other, so that a slow machine simply gets less to do. */
export async function work(terms: LoadTerms): Promise<void> {
  const { ledger, random, enough } = terms;
  while (!enough.aborted) {
    const settled = ledger.couples.filter(({ state }) => state === 'settled');
    const dice = random.below(100);
    const couple = random.pick(settled);
    if (!couple || (dice < 12 && ledger.couples.length < MAX_COUPLES)) await swear(terms);
    else if (dice < 60) await move(terms, couple);
    else if (dice < 63) await dissolve(terms, couple);
    else if (dice < 68) await replace(terms, couple);
    else for (let many = 0; many < 5; many += 1) await verifySome(terms);
  }
}

async function swear({ offices, ledger, random }: LoadTerms): Promise<void> {
  const home = random.below(offices.length);
  const { authority, counter } = at(offices, home);
  const token = authority.tokens.clerk;
  const body = inventCouple(authority.code);
  const sworn = await counter.ask('POST', '/v1/registrations', { token, body, idempotent: true });
  if (sworn.status !== 201) return ledger.odd(`an oath was answered ${say(sworn)}`);
  const { registrationId } = sworn.body as { registrationId: string };
  const certificates = await issue({ authority, counter }, registrationId);
  if (!certificates) return ledger.odd(`no certificates for a new registration`);
  ledger.couples.push({ registrationId, home, state: 'settled', version: 0, certificates, old: [] });
  ledger.note(`${registrationId} sworn at ${authority.id}`);
}

/** Issues what is missing and reads both. */
async function issue(office: Office, registrationId: string): Promise<Couple['certificates'] | undefined> {
  const { authority, counter } = office;
  const token = authority.tokens.clerk;
  const path = `/v1/registrations/${registrationId}/certificates`;
  const issued = await counter.ask('POST', path, { token, idempotent: true });
  if (issued.status !== 201) return undefined;
  return readBoth(office, registrationId);
}

async function readBoth(
  { authority, counter }: Office,
  registrationId: string,
): Promise<Couple['certificates'] | undefined> {
  const token = authority.tokens.clerk;
  const path = `/v1/registrations/${registrationId}`;
  const read = await counter.ask('GET', `${path}?purpose=issue`, { token });
  if (read.status !== 200) return undefined;
  const listed = read.body.certificates as { certificateId: string; position: string; state: string }[];
  const forms: Partial<Record<'first' | 'second', Forms>> = {};
  for (const position of POSITIONS) {
    const one = listed.find((each) => each.position === position && each.state === 'issued');
    if (!one) return undefined;
    const answer = await counter.ask('GET', `${path}/certificates/${one.certificateId}?purpose=issue`, {
      token,
    });
    if (answer.status !== 200) return undefined;
    forms[position] = answer.body as Forms;
  }
  const { first, second } = forms;
  return first && second && { first, second };
}

/** One city is asked, or two at once; the couple may withdraw on either side, or part in the middle. */
async function move(terms: LoadTerms, couple: Couple): Promise<void> {
  const { offices, ledger, random } = terms;
  couple.state = 'busy';
  couple.version += 1;
  const from = couple.home;
  const others = offices.map((_, at) => at).filter((at) => at !== from);
  const first = random.pick(others) ?? 0;
  const rival = random.chance(0.2) ? random.pick(others.filter((at) => at !== first)) : undefined;
  const cases: Attempt[] = [];
  for (const to of rival === undefined ? [first] : [first, rival]) {
    const attempt = await openCase(terms, couple, to);
    if (attempt) cases.push(attempt);
  }
  const change = random.below(100);
  const parted = change < 6 ? partLater(terms, couple) : undefined;
  await Promise.all(
    cases.map(async (attempt) => {
      const office = at(offices, attempt.to);
      await office.counter.ask('POST', `/v1/transfers/${attempt.transferId}/decision`, {
        token: office.authority.tokens.approver,
        body: { decision: 'approve' },
        idempotent: true,
      });
      ledger.tried += 1;
      ledger.note(`${attempt.transferId} approved at ${office.authority.id}`);
      if (change >= 6 && change < 22) await withdrawLater(terms, attempt, change < 14 ? 'to' : 'from');
    }),
  );
  const ended = await parted;
  const outcomes = await Promise.all(cases.map((attempt) => untilOver(terms, attempt)));
  const arrived = cases.filter((_, at) => outcomes[at] === 'completed');
  for (const outcome of outcomes) {
    if (outcome === 'completed') ledger.completed += 1;
    else if (outcome === 'declined') ledger.refused += 1;
    else ledger.cancelled += 1;
  }
  if (arrived.length > 1) ledger.odd(`${couple.registrationId} arrived at ${arrived.length} places`);
  if (ended && arrived.length > 0) ledger.odd(`${couple.registrationId} ended and arrived`);
  const [arrival] = arrived;
  if (arrival) await settleAt(terms, couple, arrival.to);
  else couple.state = ended ? 'ended' : 'settled';
  if (ended) retire(couple);
  couple.version += 1;
}

async function openCase(terms: LoadTerms, couple: Couple, to: number): Promise<Attempt | undefined> {
  const { offices, ledger, random, today } = terms;
  const { authority, counter } = at(offices, to);
  const token = authority.tokens.clerk;
  const origin = at(offices, couple.home).authority.code;
  const opened = await counter.ask('POST', '/v1/transfers', { token, body: { origin }, idempotent: true });
  if (opened.status !== 201) {
    // An authority that has not heard from the anchor since its start does not know the origin yet.
    ledger.note(`no case at ${authority.id}: ${say(opened)}`);
    return undefined;
  }
  const { transferId } = opened.body as { transferId: string };
  const path = `/v1/transfers/${transferId}`;
  const body = applicationOfBoth(authority.code, today);
  const applied = await counter.ask('PUT', `${path}/application`, { token, body });
  if (applied.status !== 200) {
    ledger.refused += 1;
    ledger.note(`${transferId} not accepted at ${authority.id}: ${say(applied)}`);
    return undefined;
  }
  const textVersion = applied.body.consentText.version as string;
  const online = random.chance(0.5);
  for (const position of POSITIONS) {
    const shown = couple.certificates[position];
    const certificate = random.chance(0.5) ? shown.sdJwtVc : shown.paperToken;
    const consent = { decision: 'consent', textVersion, certificate };
    const evidence = { position, counterEvidence: { signedSheetSha256: 'ab'.repeat(32) } };
    const own = online ? await logIn({ authority, counter }, transferId, position) : token;
    const said = await patiently(terms, () =>
      counter.ask('POST', `${path}/consents`, {
        token: own,
        body: online ? consent : { ...consent, ...evidence },
      }),
    );
    if (said.status !== 200) {
      ledger.odd(`${transferId}: the consent of ${position} was answered ${say(said)} at ${authority.id}`);
      return undefined;
    }
  }
  const attempt = { transferId, registrationId: couple.registrationId, from: couple.home, to };
  ledger.attempts.push(attempt);
  ledger.note(`${transferId} ready: ${couple.registrationId} to ${authority.id}`);
  return attempt;
}

/** A verdict that is not known yet is no answer: a node that was cut off is asked again later. */
async function patiently({ enough }: LoadTerms, ask: () => Promise<Said>): Promise<Said> {
  for (let tries = 0; ; tries += 1) {
    const said = await ask();
    const unknown =
      said.status === 422 && /undetermined|unknown|not_loaded|too_old/.test(JSON.stringify(said.body));
    if (!unknown || tries > (enough.aborted ? 200 : 30)) return said;
    await pause(1000);
  }
}

/** A code works once: where the answer was lost, the counter hands out another. */
async function logIn(
  { authority, counter }: Office,
  transferId: string,
  position: string,
): Promise<string | undefined> {
  for (let tries = 0; tries < 50; tries += 1) {
    const body = { record: { kind: 'transfer', id: transferId }, position, identityCheckedBy: 'photo_id' };
    const token = authority.tokens.clerk;
    const made = await counter.ask('POST', '/v1/login-codes', { token, body });
    const session = await counter.ask('POST', '/v1/sessions', { body: { code: made.body?.code } });
    if (session.status === 201) return session.body.token as string;
  }
  return undefined;
}

async function withdrawLater(terms: LoadTerms, attempt: Attempt, side: 'from' | 'to'): Promise<void> {
  await pause(terms.random.below(1500));
  const { authority, counter } = at(terms.offices, attempt[side]);
  const path = `/v1/transfers/${attempt.transferId}/withdrawal`;
  const said = await counter.ask('POST', path, { token: authority.tokens.clerk });
  terms.ledger.note(`${attempt.transferId} withdrawn at ${authority.id}: ${say(said)}`);
}

/** @returns whether the registration has ended at the origin */
async function partLater(terms: LoadTerms, couple: Couple): Promise<boolean> {
  await pause(terms.random.below(1500));
  return end(terms, couple);
}

async function end({ offices, ledger, today }: LoadTerms, couple: Couple): Promise<boolean> {
  const { authority, counter } = at(offices, couple.home);
  const said = await counter.ask('POST', `/v1/registrations/${couple.registrationId}/end`, {
    token: authority.tokens.clerk,
    body: { reason: 'dissolution', endedOn: today },
    idempotent: true,
  });
  ledger.note(`${couple.registrationId} to end at ${authority.id}: ${say(said)}`);
  if (said.status === 200) ledger.dissolved += 1;
  return said.status === 200;
}

async function dissolve(terms: LoadTerms, couple: Couple): Promise<void> {
  couple.state = 'busy';
  couple.version += 1;
  if (!(await end(terms, couple))) {
    terms.ledger.odd(`${couple.registrationId} could not be ended where it is held`);
    couple.state = 'settled';
    return;
  }
  retire(couple);
  couple.state = 'ended';
}

/** One partner has lost the card: revoked, and issued anew. */
async function replace(terms: LoadTerms, couple: Couple): Promise<void> {
  const { offices, ledger, random } = terms;
  couple.state = 'busy';
  couple.version += 1;
  const office = at(offices, couple.home);
  const position = random.pick(POSITIONS) ?? 'first';
  const lost = couple.certificates[position];
  const said = await office.counter.ask(
    'POST',
    `/v1/registrations/${couple.registrationId}/certificates/${lost.certificateId}/revocation`,
    { token: office.authority.tokens.clerk, body: { reason: 'lost' }, idempotent: true },
  );
  if (said.status !== 200) ledger.odd(`a revocation was answered ${say(said)}`);
  const certificates = await issue(office, couple.registrationId);
  if (!certificates) ledger.odd(`${couple.registrationId} got no new certificate for a lost one`);
  else {
    couple.old.push(lost.sdJwtVc, lost.paperToken);
    couple.certificates = certificates;
    ledger.revoked += 1;
  }
  couple.state = 'settled';
  couple.version += 1;
}

async function untilOver({ offices }: LoadTerms, { to, transferId }: Attempt): Promise<string> {
  const { authority, counter } = at(offices, to);
  for (;;) {
    const said = await counter.ask('GET', `/v1/transfers/${transferId}`, { token: authority.tokens.clerk });
    if (said.status === 200 && OVER.includes(said.body.state)) return said.body.state as string;
    await pause(400);
  }
}

async function settleAt({ offices, ledger }: LoadTerms, couple: Couple, to: number): Promise<void> {
  const certificates = await readBoth(at(offices, to), couple.registrationId);
  if (!certificates) ledger.odd(`${couple.registrationId} arrived without certificates`);
  else {
    retire(couple);
    couple.certificates = certificates;
  }
  couple.home = to;
  couple.state = 'settled';
  ledger.note(`${couple.registrationId} settled at ${at(offices, to).authority.id}`);
}

function retire(couple: Couple): void {
  for (const position of POSITIONS) {
    const { sdJwtVc, paperToken } = couple.certificates[position];
    couple.old.push(sdJwtVc, paperToken);
  }
}

/** Anybody asks any node. What is judged stands in the papers alone. */
async function verifySome({ offices, ledger, random }: LoadTerms): Promise<void> {
  const couple = random.pick(ledger.couples);
  const office = random.pick(offices);
  if (!couple || !office) return;
  const { version, state } = couple;
  const shown = couple.certificates[random.pick(POSITIONS) ?? 'first'];
  const kind = random.below(10);
  const current = random.chance(0.5) ? shown.sdJwtVc : shown.paperToken;
  const certificate =
    kind === 0 ? forged(shown.paperToken) : kind < 4 ? (random.pick(couple.old) ?? current) : current;
  const isOld = couple.old.includes(certificate);
  const said = await office.counter.ask('POST', '/v1/verifications', { body: { certificate } });
  ledger.verifications += 1;
  const verdict = said.body?.verdict as string;
  if (verdict === 'undetermined') ledger.undetermined += 1;
  else if (kind === 0 && verdict !== 'invalid') ledger.wrong.push(`a forged token is ${verdict}`);
  else if (isOld && verdict === 'valid') ledger.late += 1;
  else if (!isOld && kind !== 0 && verdict !== 'valid' && state === 'settled' && couple.version === version) {
    const checks = (said.body?.checks ?? []) as { check: string; outcome: string; reason?: string }[];
    const why = checks
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ check, reason }) => `${check}/${reason}`);
    ledger.wrong.push(
      `${couple.registrationId}: a living certificate is ${verdict ?? say(said)} at ${office.authority.id} (${why.join()})`,
    );
  }
}

/** The last character of a signature carries padding bits; the one in its middle does not. */
function forged(token: string): string {
  const at = token.length - 20;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}

function at(offices: readonly Office[], index: number): Office {
  const office = offices[index];
  if (!office) throw new Error(`no office ${index}`);
  return office;
}

/** Status and problem code, where it points and why; never what was sent. */
function say({ status, body, again }: Said): string {
  const { code, pointer, check, reason, state, unmet } = (body ?? {}) as Record<string, unknown>;
  const parts = [code, pointer, check, reason, state, unmet && JSON.stringify(unmet)].filter(Boolean);
  return `${status} ${parts.join(' ')}${again ? ' (asked again)' : ''}`;
}
