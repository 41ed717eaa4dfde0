import type { Db, Trx } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { type Contact, NO_CONTACT } from './contact.ts';
import { openSealer, type Vault } from './vault.ts';

type Place = { readonly id: string; readonly epoch: number; readonly position: PartnerPosition };

/** `NO_CONTACT` where none was given, or where the data were erased. */
export async function readContact(
  db: Db | Trx,
  vault: Vault,
  { id, epoch, position }: Place,
): Promise<Contact> {
  const sealer = await openSealer(db, vault, { kind: 'registration', id, epoch });
  const row = await db
    .selectFrom('registration_partner')
    .select('contact')
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .executeTakeFirst();
  if (!sealer || !row?.contact) return NO_CONTACT;
  return JSON.parse(sealer.open(`${position}.contact`, row.contact)) as Contact;
}

/** @throws Refusal `record_not_found` where the data were erased: nobody is left to be reached */
export async function writeContact(
  trx: Trx,
  vault: Vault,
  { id, epoch, position }: Place,
  contact: Contact,
): Promise<void> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id, epoch });
  if (!sealer) throw new Refusal('record_not_found', {});
  await trx
    .updateTable('registration_partner')
    .set({ contact: sealer.seal(`${position}.contact`, JSON.stringify(contact)) })
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .execute();
}
