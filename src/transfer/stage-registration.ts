import { randomBytes } from 'node:crypto';
import type { Trx } from '../db/transaction.ts';
import { POSITIONS } from '../kernel/role.ts';
import { blindIndexOf } from '../registry/blind-index.ts';
import { overwriteFamily } from '../registry/family-store.ts';
import { reindexPartner } from '../registry/partner-index.ts';
import { wrapDataKey } from '../registry/personal-data.ts';
import { stateAfter, TRANSITIONS } from '../registry/registration.ts';
import {
  findEpoch,
  insertRegistration,
  type NewRegistration,
  sealContinuity,
  sealPartner,
} from '../registry/registration-store.ts';
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
  const { from, to } = TRANSITIONS.stageAgain;
  const left = await findEpoch(trx, registration.id, registration.epoch);
  const homonymConfirmed = areHomonyms(vault, registration);
  if (!left || stateAfter('stageAgain', left.state) !== to)
    return insertRegistration(trx, vault, { ...registration, homonymConfirmed });
  const sealer = await renewDataKey(trx, vault, registration);
  await trx
    .updateTable('registration')
    .set({
      state: to,
      oath_date: registration.oathDate,
      first_oath_date: registration.firstOathDate,
      first_authority: registration.firstAuthority,
      registered_at: registration.registeredAt,
      transfer_id: registration.transferId,
      declarations: sealer.seal('declarations', JSON.stringify(registration.declarations)),
      residence_due_on: registration.residenceDueOn ?? null,
      residence_proven_on: null,
      continuity: sealContinuity(sealer, registration.continuity),
    })
    .where('id', '=', registration.id)
    .where('epoch', '=', registration.epoch)
    .where('state', 'in', from)
    .execute();
  await writePartnersAnew(trx, vault, { ...registration, homonymConfirmed }, sealer);
  // What an earlier offer left is under a key that is gone: it is overwritten, or marked as removed.
  const { familyMembers = [], registeredAt } = registration;
  await overwriteFamily(trx, sealer, registration, familyMembers, registeredAt);
}

/** A couple of one kana and birth date: the origin has confirmed that they are two people, with a certificate each. */
function areHomonyms({ blindIndex }: Vault, { partners: { first, second } }: NewRegistration): boolean {
  return blindIndexOf(blindIndex, first).equals(blindIndexOf(blindIndex, second));
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
  { id, epoch, partners, homonymConfirmed }: NewRegistration,
  sealer: Sealer,
): Promise<void> {
  for (const position of POSITIONS) {
    const partner = partners[position];
    await trx
      .updateTable('registration_partner')
      .set({ ...sealPartner(sealer, position, partner), contact: null, protected: false, kept_number: null })
      .where('registration_id', '=', id)
      .where('epoch', '=', epoch)
      .where('position', '=', position)
      .execute();
    await reindexPartner(trx, vault, { id, epoch, position }, partner, { homonymConfirmed });
  }
}
