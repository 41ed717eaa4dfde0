import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';
import { requireCommand } from './case-state.ts';
import { PAPER_CONSENT_TEXT_VERSION } from './consent-text.ts';
import type { ConsentGiven } from './consent-to-transfer.ts';
import {
  readShown,
  requirePlausibleCertificate,
  requireWay,
  type ShownOnPaper,
  speakOfOneOath,
  writeShown,
} from './paper-case.ts';
import {
  type ConsentRow,
  findConsents,
  insertConsent,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  updateTransfer,
} from './transfer-store.ts';

type Deps = { readonly db: Db; readonly clock: Clock; readonly vault: Vault };

/**
 * Takes the consent of one partner, with what their certificate on paper says. It is kept sealed, as typed, until the
 * case ends; that it is true is for the origin to say.
 *
 * @throws Refusal `other_way_of_case`, `consent_text_outdated`, `transfer_state_conflict`, `my_number_suspected`,
 *   `request_malformed`, `certificates_do_not_match` where the two speak of different oaths, or of one person
 */
export async function consentOnPaper(
  { db, clock, vault }: Deps,
  actor: Actor,
  transferId: string,
  consent: ConsentGiven & { readonly shown: ShownOnPaper },
): Promise<void> {
  const { position, textVersion, method, evidenceSha256, shown } = consent;
  await inTransaction(db, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireWay(row, 'by_post');
    if (textVersion !== PAPER_CONSENT_TEXT_VERSION)
      throw new Refusal('consent_text_outdated', { currentVersion: PAPER_CONSENT_TEXT_VERSION });
    requireCommand('consent', row);
    const at = clock();
    requirePlausibleCertificate(shown, dayInJapan(at));
    const sealer = await openSealer(trx, vault, { kind: 'transfer', id: row.id, epoch: 0 });
    if (!sealer) throw new Error('the data key of an open case is gone');
    const other = (await findConsents(trx, row.id)).find((one) => one.position !== position);
    if (other && !speakOfOneOath(shown, shownIn(sealer, other)))
      throw new Refusal('certificates_do_not_match', { pointer: '/shown' });
    await supersedeConsents(trx, row.id, at, position);
    await insertConsent(trx, row.id, {
      position,
      textVersion,
      method,
      givenAt: at.toISOString(),
      evidenceSha256,
      certificate: null,
      disclosed: sealer.seal(`disclosed.${position}`, writeShown(shown)),
    });
    await recordStep(trx, row.id, `consented_${position}`, at);
    if (other && row.state !== 'consented') await becomeConsented(trx, row.id, at);
    await appendEvent(trx, clock, {
      type: 'transfer_consented',
      actor,
      record: { kind: 'transfer', id: row.id },
      position,
      visibility: 'both',
      facts: { textVersion, method },
    });
  });
}

async function becomeConsented(trx: Trx, id: string, at: Date): Promise<void> {
  await updateTransfer(trx, id, { state: 'consented' }, at);
  await recordStep(trx, id, 'consented', at);
}

/** What a consent's certificate says. @throws where it is none on paper */
export function shownIn(sealer: Sealer, { position, disclosed }: ConsentRow): ShownOnPaper {
  if (!disclosed) throw new Error('a consent on paper without what was shown');
  return readShown(sealer.open(`disclosed.${position}`, disclosed));
}
