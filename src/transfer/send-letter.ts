import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { POSITIONS } from '../kernel/role.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import type { Couple } from '../registry/registration-store.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import {
  type Application,
  assessApplication,
  type ContinuationRules,
  requireNothingUnmet,
} from './application.ts';
import { requireCommand } from './case-state.ts';
import { shownIn } from './consent-on-paper.ts';
import { insertLetter } from './letter-store.ts';
import { requireWay, type ShownOnPaper } from './paper-case.ts';
import {
  findConsents,
  lockFor,
  recordStep,
  requireTransfer,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

type Deps = ContinuationRules & { readonly db: Db; readonly clock: Clock; readonly vault: Vault };

/** What the letter tells the origin: enough to find the record, and nothing of the application. */
export const LETTER_ITEMS = [
  'registered_name',
  'kana',
  'alias',
  'birth_date',
  'certificate_number',
  'oath_date',
  'first_oath_date',
] as const;

/**
 * Records that the letter to the origin has gone (document `inquiry_to_origin`). From here on the origin's time runs. A
 * couple whom the rules do not let continue is not written about: the answer lists what is missing.
 *
 * @throws Refusal `other_way_of_case`, `transfer_state_conflict`, `consent_missing`, `continuation_not_possible`,
 *   `request_malformed`
 */
export async function sendLetter(
  deps: Deps,
  command: Command,
  transferId: string,
  sentOn: JapanDay,
): Promise<Answer> {
  const { db, clock } = deps;
  return carryOutOnce(db, clock, command, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireWay(row, 'by_post');
    requireCommand('send_letter', row);
    const at = clock();
    if (sentOn > dayInJapan(at)) throw new Refusal('request_malformed', malformed('not_in_future'));
    if (sentOn < dayInJapan(row.openedAt))
      throw new Refusal('request_malformed', malformed('not_before_case'));
    await requireContinuable(trx, deps, row);
    await insertLetter(trx, row.id, { sentOn, sentBy: command.actor.subject });
    await updateTransfer(trx, row.id, { state: 'inquired' }, at);
    await recordStep(trx, row.id, 'inquired', at);
    const about = {
      actor: command.actor,
      record: { kind: 'transfer', id: row.id },
      visibility: 'both',
    } as const;
    await appendEvent(trx, clock, { ...about, type: 'origin_letter_sent', facts: { to: row.peerCode } });
    await appendEvent(trx, clock, {
      ...about,
      type: 'personal_data_provided',
      facts: { to: row.peerCode, items: [...LETTER_ITEMS] },
    });
    return { status: 200, body: { transferId } };
  });
}

function malformed(rule: string) {
  return { pointer: '/sentOn', rule };
}

export type PaperContent = { readonly application: Application; readonly shown: Couple<ShownOnPaper> };

/**
 * What the couple stated and showed, as far as the rules of today let them continue.
 *
 * @throws Refusal `consent_missing`, `continuation_not_possible` with every unmet requirement
 */
export async function requireContinuable(
  trx: Trx,
  deps: Omit<Deps, 'db'>,
  row: TransferRow,
): Promise<PaperContent> {
  const consents = await findConsents(trx, row.id);
  const first = consents.find(({ position }) => position === 'first');
  const second = consents.find(({ position }) => position === 'second');
  if (!first || !second) {
    const positions = POSITIONS.filter((one) => !consents.some(({ position }) => position === one));
    throw new Refusal('consent_missing', { positions });
  }
  const sealer = await openSealer(trx, deps.vault, { kind: 'transfer', id: row.id, epoch: 0 });
  if (!sealer || !row.application) throw new Error('an application without its data key');
  const application = JSON.parse(sealer.open('application', row.application)) as Application;
  const shown = { first: shownIn(sealer, first), second: shownIn(sealer, second) };
  const birthDates = { first: shown.first.birthDate, second: shown.second.birthDate };
  const on = dayInJapan(deps.clock());
  requireNothingUnmet(assessApplication(deps, { application, origin: row.peerCode, on }, birthDates));
  return { application, shown };
}
