import { randomBytes } from 'node:crypto';
import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { openText, sealText, unwrapDataKey, wrapDataKey } from './personal-data.ts';

/** What a node needs to read and write personal columns; the keys come from its key ring. */
export type Vault = {
  readonly authority: AuthorityCode;
  readonly keyEncryption: Buffer;
  readonly blindIndex: Buffer;
};

/** Whose data a data key seals: a registration of one epoch; a transfer's application, a procedure's form or an imported file (epoch 0). */
export type KeySubject = {
  readonly kind: 'registration' | 'transfer' | 'procedure' | 'import' | 'presentation';
  readonly id: string;
  readonly epoch: number;
};

/** Seals and opens the columns of one subject. Opening the wrong column, row or epoch fails. */
export type Sealer = {
  seal(column: string, text: string): Buffer;
  open(column: string, sealed: Buffer): string;
};

/** Makes the subject's data key and stores it wrapped. */
export async function createSealer(trx: Trx, vault: Vault, subject: KeySubject): Promise<Sealer> {
  const dataKey = randomBytes(32);
  await trx
    .insertInto('data_key')
    .values({
      subject_kind: subject.kind,
      subject_id: subject.id,
      epoch: subject.epoch,
      wrapped_key: wrapDataKey(vault.keyEncryption, placeOf(vault, subject, 'data_key'), dataKey),
    })
    .execute();
  return sealerOf(vault, subject, dataKey);
}

/** @returns undefined where the key was destroyed: the data are gone for ever */
export async function openSealer(
  db: Db | Trx,
  vault: Vault,
  subject: KeySubject,
): Promise<Sealer | undefined> {
  const row = await db
    .selectFrom('data_key')
    .select('wrapped_key')
    .where('subject_kind', '=', subject.kind)
    .where('subject_id', '=', subject.id)
    .where('epoch', '=', subject.epoch)
    .executeTakeFirst();
  return row?.wrapped_key ? sealerOfWrapped(vault, subject, row.wrapped_key) : undefined;
}

/** The sealer of a data key as it is stored: for whoever reads many of them in one statement. */
export function sealerOfWrapped(vault: Vault, subject: KeySubject, wrappedKey: Buffer): Sealer {
  const dataKey = unwrapDataKey(vault.keyEncryption, placeOf(vault, subject, 'data_key'), wrappedKey);
  return sealerOf(vault, subject, dataKey);
}

/** Destroys the key: whatever it sealed can never be read again, here or in what is copied from here later. */
export async function destroyDataKey(trx: Trx, clock: Clock, subject: KeySubject): Promise<void> {
  await trx
    .updateTable('data_key')
    .set({ wrapped_key: null, destroyed_at: clock() })
    .where('subject_kind', '=', subject.kind)
    .where('subject_id', '=', subject.id)
    .where('epoch', '=', subject.epoch)
    .where('destroyed_at', 'is', null)
    .execute();
}

/** The sealer of a data key that is already unwrapped: for whoever opens many subjects at once. */
export function sealerOf(vault: Vault, subject: KeySubject, dataKey: Buffer): Sealer {
  return {
    seal: (column, text) => sealText(dataKey, placeOf(vault, subject, column), text),
    open: (column, sealed) => openText(dataKey, placeOf(vault, subject, column), sealed),
  };
}

/** Where a column of a subject stands; `data_key` is the place of the wrapped key itself. */
export function placeOf(vault: Vault, subject: KeySubject, column: string) {
  return {
    authority: vault.authority,
    registrationId: subject.id,
    column: `${subject.kind}.${column}`,
    epoch: subject.epoch,
  };
}
