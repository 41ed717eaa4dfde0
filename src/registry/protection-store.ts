import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { readFamily } from './family-store.ts';
import { keepPastRecord, type PastRecord, readPastRecords } from './partner-history.ts';
import { type Shown, shownTo } from './protection.ts';
import { type Couple, readPartners, requireRegistration } from './registration-store.ts';
import { openSealer, type Vault } from './vault.ts';

type Epoch = { readonly id: string; readonly epoch: number };

/** Whether the other partner is to learn nothing of this one, for each of the two. */
export async function findProtection(db: Db | Trx, { id, epoch }: Epoch): Promise<Couple<boolean>> {
  const rows = await db
    .selectFrom('registration_partner')
    .select(['position', 'protected'])
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .execute();
  const of = (position: PartnerPosition) => rows.some((row) => row.position === position && row.protected);
  return { first: of('first'), second: of('second') };
}

/**
 * Protects one partner from the other, or ends it, at that partner's own request. Saying it again changes nothing.
 *
 * @throws Refusal `record_not_found`
 */
export async function setProtection(
  { db, clock, vault }: { readonly db: Db; readonly clock: Clock; readonly vault: Vault },
  actor: Actor,
  { registrationId, position }: { readonly registrationId: string; readonly position: PartnerPosition },
  wanted: boolean,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const row = await requireRegistration(trx, registrationId, { forUpdate: true });
    const changed = await trx
      .updateTable('registration_partner')
      .set({ protected: wanted })
      .where('registration_id', '=', row.id)
      .where('epoch', '=', row.epoch)
      .where('position', '=', position)
      .where('protected', '=', !wanted)
      .returning('position')
      .executeTakeFirst();
    if (!changed) return;
    if (wanted) await keepPresentRecord(trx, { clock, vault }, row, position);
    await appendEvent(trx, clock, {
      type: 'protection_changed',
      actor,
      record: { kind: 'registration', id: row.id },
      position,
      visibility: 'acting',
      facts: { protected: wanted },
    });
  });
}

/** What the other one knows on this day is what their papers go on saying. */
export async function keepPresentRecord(
  trx: Trx,
  { clock, vault }: { readonly clock: Clock; readonly vault: Vault },
  row: Epoch,
  position: PartnerPosition,
): Promise<void> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id: row.id, epoch: row.epoch });
  const partners = await readPartners(trx, vault, row);
  if (!sealer || !partners) return;
  await keepPastRecord(
    trx,
    clock,
    sealer,
    { id: row.id, epoch: row.epoch, position },
    {
      because: 'protected',
      partner: partners[position],
      familyMembers: await readFamily(trx, vault, row),
    },
  );
}

/**
 * What the page and the certificates of each partner say.
 *
 * @returns undefined where the data key was destroyed
 */
export async function readShown(
  db: Db | Trx,
  vault: Vault,
  { id, epoch }: Epoch,
): Promise<Couple<Shown> | undefined> {
  const [partners, sealer, familyMembers, protectedPartners] = await Promise.all([
    readPartners(db, vault, { id, epoch }),
    openSealer(db, vault, { kind: 'registration', id, epoch }),
    readFamily(db, vault, { id, epoch }),
    findProtection(db, { id, epoch }),
  ]);
  if (!partners || !sealer) return undefined;
  const protectedSince: { first?: PastRecord; second?: PastRecord } = {};
  for (const position of POSITIONS.filter((each) => protectedPartners[each])) {
    const past = await readPastRecords(db, sealer, { id, epoch, position });
    const since = past.find(({ because }) => because === 'protected');
    // Fail closed: without the record of that day there is nothing that may be shown.
    if (!since) throw new Error('a protected partner without the record of the day it began');
    protectedSince[position] = since;
  }
  const record = { partners, familyMembers, protectedSince };
  return { first: shownTo('first', record), second: shownTo('second', record) };
}
