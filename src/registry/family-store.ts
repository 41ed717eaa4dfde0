import type { Db, Trx } from '../db/transaction.ts';
import type { FamilyMemberRecord } from './registration-store.ts';
import { openSealer, type Sealer, type Vault } from './vault.ts';

type Epoch = { readonly id: string; readonly epoch: number };

/** Writes the first family members of a registration, or those of a row that is written anew under a new data key. */
export async function writeFamily(
  trx: Trx,
  sealer: Sealer,
  { id, epoch }: Epoch,
  members: readonly FamilyMemberRecord[],
): Promise<void> {
  for (const [at, member] of members.entries()) {
    const sealed = sealer.seal(columnOf(at + 1), JSON.stringify(member));
    await trx
      .insertInto('registration_family')
      .values({ registration_id: id, epoch, number: at + 1, member: sealed })
      .onConflict((conflict) =>
        conflict
          .columns(['registration_id', 'epoch', 'number'])
          .doUpdateSet({ member: sealed, removed_at: null }),
      )
      .execute();
  }
}

/**
 * Puts these family members in the place of those that stand there. What a member's entry said before is not kept: it
 * stands on the certificates that named them, and of a child who is named no longer nothing more is needed.
 */
export async function overwriteFamily(
  trx: Trx,
  sealer: Sealer,
  of: Epoch,
  members: readonly FamilyMemberRecord[],
  at: Date,
): Promise<void> {
  const rows = await trx
    .selectFrom('registration_family')
    .select(['number', 'removed_at'])
    .where('registration_id', '=', of.id)
    .where('epoch', '=', of.epoch)
    .execute();
  await writeFamily(trx, sealer, of, members);
  // Also what was removed long ago: the data key may be a new one, and then nothing of the old one could be opened.
  for (const { number, removed_at } of rows.filter((row) => row.number > members.length)) {
    await trx
      .updateTable('registration_family')
      .set({ member: sealer.seal(columnOf(number), 'null'), removed_at: removed_at ?? at })
      .where('registration_id', '=', of.id)
      .where('epoch', '=', of.epoch)
      .where('number', '=', number)
      .execute();
  }
}

/** The family members who stand in a registration now, in the order of the form; none where the data were erased. */
export async function readFamily(
  db: Db | Trx,
  vault: Vault,
  { id, epoch }: Epoch,
): Promise<readonly FamilyMemberRecord[]> {
  const sealer = await openSealer(db, vault, { kind: 'registration', id, epoch });
  if (!sealer) return [];
  const rows = await db
    .selectFrom('registration_family')
    .select(['number', 'member'])
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('removed_at', 'is', null)
    .orderBy('number')
    .execute();
  return rows.map(
    ({ number, member }) => JSON.parse(sealer.open(columnOf(number), member)) as FamilyMemberRecord,
  );
}

const columnOf = (number: number) => `family.${number}`;
