import { randomBytes } from 'node:crypto';
import type { Trx } from '../db/transaction.ts';
import { POSITIONS } from '../kernel/role.ts';
import { blindIndexOf } from '../registry/blind-index.ts';
import { wrapDataKey } from '../registry/personal-data.ts';
import { findEpoch, insertRegistration, type NewRegistration } from '../registry/registration-store.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';

/**
 * Stages the record of an accepted offer. Epochs count hand-overs and not offers, so a registration that is offered
 * again after a cancelled offer comes with the same epoch: then the abandoned row, which nobody can read any more, is
 * written anew under a new data key.
 */
export async function stageRegistration(
  trx: Trx,
  vault: Vault,
  registration: NewRegistration & { readonly state: 'staged' },
): Promise<void> {
  const left = await findEpoch(trx, registration.id, registration.epoch);
  if (left?.state !== 'abandoned') return insertRegistration(trx, vault, registration);
  const sealer = await renewDataKey(trx, vault, registration);
  await trx
    .updateTable('registration')
    .set({
      state: 'staged',
      oath_date: registration.oathDate,
      first_oath_date: registration.firstOathDate,
      first_authority: registration.firstAuthority,
      registered_at: registration.registeredAt,
      transfer_id: registration.transferId,
      declarations: sealer.seal('declarations', JSON.stringify(registration.declarations)),
    })
    .where('id', '=', registration.id)
    .where('epoch', '=', registration.epoch)
    .where('state', '=', 'abandoned')
    .execute();
  await writePartnersAnew(trx, vault, registration, sealer);
}

async function renewDataKey(trx: Trx, vault: Vault, { id, epoch }: NewRegistration): Promise<Sealer> {
  const place = { authority: vault.authority, registrationId: id, column: 'registration.data_key', epoch };
  await trx
    .updateTable('data_key')
    .set({ wrapped_key: wrapDataKey(vault.keyEncryption, place, randomBytes(32)), destroyed_at: null })
    .where('subject_kind', '=', 'registration')
    .where('subject_id', '=', id)
    .where('epoch', '=', epoch)
    .where('destroyed_at', 'is not', null)
    .execute();
  const sealer = await openSealer(trx, vault, { kind: 'registration', id, epoch });
  if (!sealer) throw new Error('an abandoned registration without the row of its data key');
  return sealer;
}

async function writePartnersAnew(
  trx: Trx,
  vault: Vault,
  { id, epoch, partners }: NewRegistration,
  sealer: Sealer,
): Promise<void> {
  for (const position of POSITIONS) {
    const partner = partners[position];
    const seal = (column: string, text: string) => sealer.seal(`${position}.${column}`, text);
    await trx
      .updateTable('registration_partner')
      .set({
        registered_name: seal('registered_name', partner.registeredName),
        kana: seal('kana', partner.kana),
        alias: partner.alias ? seal('alias', partner.alias.name) : null,
        alias_display: partner.alias?.display ?? null,
        birth_date: seal('birth_date', partner.birthDate),
        residence: seal('residence', JSON.stringify(partner.residence)),
      })
      .where('registration_id', '=', id)
      .where('epoch', '=', epoch)
      .where('position', '=', position)
      .execute();
    await trx
      .updateTable('partner_index')
      .set({ blind_index: blindIndexOf(vault.blindIndex, partner), live: true })
      .where('registration_id', '=', id)
      .where('epoch', '=', epoch)
      .where('position', '=', position)
      .execute();
  }
}
