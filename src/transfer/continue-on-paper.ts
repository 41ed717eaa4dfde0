import { appendEvent } from '../audit/audit-log.ts';
import type { Command } from '../audit/command-log.ts';
import { findCertificates } from '../certificate/certificate-store.ts';
import { type IssuerTerms, intendCertificates } from '../certificate/issue-certificates.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, POSITIONS } from '../kernel/role.ts';
import { insertRegistration, type PartnerRecord } from '../registry/registration-store.ts';
import { residenceDueOn } from '../registry/residence-proof.ts';
import { authorityOf, requireRuleSet } from '../registry/rule-book.ts';
import { factsOf } from '../registry/stated-facts.ts';
import type { Vault } from '../registry/vault.ts';
import type { ContinuationRules } from './application.ts';
import { closeCase } from './close-case.ts';
import { findLetter } from './letter-store.ts';
import { CONTINUITY_ON_PAPER } from './paper-case.ts';
import { type PaperContent, requireContinuable } from './send-letter.ts';
import { findTransfer, lockFor, recordStep, type TransferRow, updateTransfer } from './transfer-store.ts';

type Deps = ContinuationRules & {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly issuerTerms: IssuerTerms;
};
const SYSTEM = { kind: 'system', subject: 'system' } as const;

/**
 * The other half of the four eyes: whoever recorded the answer does not decide on it, whichever way.
 *
 * @throws Refusal `same_person_decides`
 */
export async function requireOtherPerson(trx: Trx, row: TransferRow, { subject }: Actor): Promise<void> {
  if (row.byPost && (await findLetter(trx, row.id))?.recordedBy === subject)
    throw new Refusal('same_person_decides', {});
}

/**
 * Continues here what the origin has confirmed by letter. The registration is a new one of this authority, with the day
 * and the authority of the first oath as the letter states them, and without links: nobody has signed for what was
 * before. From here on it is a registration like any other, also when it moves on.
 *
 * @throws Refusal `transfer_state_conflict` before there is an answer, `answer_not_confirmed`,
 *   `continuation_not_possible`, `already_registered`
 */
export async function continueOnPaper(
  trx: Trx,
  deps: Deps,
  row: TransferRow,
  { actor }: Command,
): Promise<void> {
  if (row.state !== 'answered')
    throw new Refusal('transfer_state_conflict', { state: row.state, allowed: ['answered'] });
  const letter = await findLetter(trx, row.id);
  const { answer, firstOathDate, firstAuthority } = letter ?? {};
  if (answer !== 'confirmed' || !firstOathDate || !firstAuthority)
    throw new Refusal('answer_not_confirmed', { answer: answer ?? 'none' });
  const content = await requireContinuable(trx, deps, row);
  const { clock, vault, issuerTerms: terms } = deps;
  const id = newRandomId<'registration'>();
  const at = clock();
  await insertRegistration(trx, vault, {
    id,
    epoch: 1,
    state: 'active',
    firstOathDate,
    firstAuthority,
    transferId: null,
    registeredAt: at,
    ...recordOf(deps, content),
  });
  await updateTransfer(trx, row.id, { registration: { id, epoch: 1 } }, at);
  const here = { actor, record: { kind: 'transfer', id: row.id }, visibility: 'both' } as const;
  await appendEvent(trx, clock, {
    ...here,
    type: 'personal_data_received',
    facts: { from: row.peerCode, items: ['first_oath_date', 'first_authority'] },
  });
  await appendEvent(trx, clock, {
    ...here,
    type: 'continuity_checked',
    facts: { outcome: CONTINUITY_ON_PAPER, links: 0 },
  });
  const about = { actor, record: { kind: 'registration', id }, visibility: 'both' } as const;
  await appendEvent(trx, clock, { ...about, type: 'oath_continued_on_paper', facts: { from: row.peerCode } });
  const intents = await intendCertificates(trx, { clock, vault, terms }, { id, epoch: 1 });
  await appendEvent(trx, clock, {
    ...about,
    type: 'certificates_issued',
    purpose: 'continuation',
    facts: { certificateIds: intents.map((one) => one.id) },
  });
  await moveOn(trx, clock, row, 'activated', actor);
  await closeCase(trx, clock, row.id);
}

function recordOf({ rules, authority: code, clock }: Deps, { application, shown }: PaperContent) {
  const on = dayInJapan(clock());
  const ruleSet = requireRuleSet(rules, code, on);
  const authority = authorityOf(rules, code);
  const { partners, couple } = application;
  const record = (position: 'first' | 'second'): PartnerRecord => {
    const { registeredName, kana, alias, birthDate } = shown[position];
    return { registeredName, kana, alias, birthDate, residence: partners[position].residence };
  };
  const facts = factsOf(partners, couple, { first: null, second: null });
  return {
    oathDate: on,
    partners: { first: record('first'), second: record('second') },
    declarations: {
      sexualMinorityDeclared: couple.sexualMinorityDeclared ?? null,
      kinship: couple.kinship,
      cohabiting: couple.cohabiting,
    },
    residenceDueOn: authority ? residenceDueOn(ruleSet, authority, facts, on) : null,
  };
}

async function moveOn(
  trx: Trx,
  clock: Clock,
  row: TransferRow,
  state: 'activated' | 'completed',
  actor: Actor,
): Promise<void> {
  const at = clock();
  await updateTransfer(trx, row.id, { state }, at);
  await recordStep(trx, row.id, state, at);
  await appendEvent(trx, clock, {
    type: 'transfer_moved_on',
    actor,
    record: { kind: 'transfer', id: row.id },
    visibility: 'both',
    facts: { from: row.state, to: state, peer: row.peerCode },
  });
}

/** Ends the cases whose new certificates exist: there is no origin that could be told but by a letter. @returns how many */
export async function completePaperCases(deps: { readonly db: Db; readonly clock: Clock }): Promise<number> {
  const { db, clock } = deps;
  const waiting = await db
    .selectFrom('transfer')
    .select('id')
    .where('by_post', '=', true)
    .where('state', '=', 'activated')
    .limit(100)
    .execute();
  let completed = 0;
  for (const { id } of waiting)
    if (await inTransaction(db, (trx) => complete(trx, clock, id))) completed += 1;
  return completed;
}

async function complete(trx: Trx, clock: Clock, id: string): Promise<boolean> {
  await lockFor(trx, 'transfer', id);
  const row = await findTransfer(trx, id);
  if (row?.state !== 'activated' || row.registrationId === null || row.epoch === null) return false;
  const of = { registrationId: row.registrationId, epoch: row.epoch };
  const signed = (await findCertificates(trx, of)).filter(
    ({ state }) => state === 'issued' || state === 'revoked',
  );
  if (new Set(signed.map(({ position }) => position)).size < POSITIONS.length) return false;
  await moveOn(trx, clock, row, 'completed', SYSTEM);
  return true;
}
