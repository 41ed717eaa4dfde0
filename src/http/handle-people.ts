import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { type Contact, requireConsistent } from '../registry/contact.ts';
import { readContact, writeContact } from '../registry/contact-store.ts';
import { setProtection } from '../registry/protection-store.ts';
import { type RegistrationRow, requireRegistration } from '../registry/registration-store.ts';
import type { components } from './api.generated.ts';
import { findMine, logOwnReading } from './handle-partners.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Operations = 'getContact' | 'setContact' | 'setProtection' | 'getMyContact' | 'setMyContact';

export function peopleHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault } = node;
  return {
    async getContact({ params, query, actor }) {
      const row = await requireRegistration(db, params.registrationId);
      await inTransaction(db, (trx) =>
        appendEvent(trx, clock, {
          type: 'contact_read',
          actor,
          record: { kind: 'registration', id: row.id },
          position: params.position,
          purpose: query.purpose,
          visibility: 'acting',
          facts: {},
        }),
      );
      return { status: 200, body: contactBody(await readContact(db, vault, placeOf(row, params.position))) };
    },

    async setContact({ params, body, actor }) {
      const row = await requireRegistration(db, params.registrationId);
      await keepContact(node, actor, row, params.position, body);
      return { status: 204 };
    },

    async setProtection({ params, body, actor }) {
      await setProtection({ db, clock, vault }, actor, params, body.protected);
      return { status: 204 };
    },

    async getMyContact({ actor }) {
      const { row, position } = await requireMine(node, actor);
      await logOwnReading(node, actor, 'own_record_read');
      return { status: 200, body: contactBody(await readContact(db, vault, placeOf(row, position))) };
    },

    async setMyContact({ body, actor }) {
      const { row, position } = await requireMine(node, actor);
      await keepContact(node, actor, row, position, body);
      return { status: 204 };
    },
  };
}

/** The one registration of a partner's session. @throws Refusal `record_not_found` while there is none yet */
async function requireMine(
  node: NodeParts,
  actor: Actor,
): Promise<{ readonly row: RegistrationRow; readonly position: PartnerPosition }> {
  const { registration: row, position } = await findMine(node, actor);
  if (!row) throw new Refusal('record_not_found', {});
  return { row, position };
}

async function keepContact(
  { db, clock, vault }: NodeParts,
  actor: Actor,
  row: RegistrationRow,
  position: PartnerPosition,
  contact: Contact,
): Promise<void> {
  requireConsistent(contact);
  await inTransaction(db, async (trx) => {
    await writeContact(trx, vault, placeOf(row, position), contact);
    await appendEvent(trx, clock, {
      type: 'contact_changed',
      actor,
      record: { kind: 'registration', id: row.id },
      position,
      // Not even that there is a contact is the other partner's affair.
      visibility: 'acting',
      facts: {},
    });
  });
}

function placeOf({ id, epoch }: RegistrationRow, position: PartnerPosition) {
  return { id, epoch, position };
}

function contactBody({ never, ...contact }: Contact): components['schemas']['Contact'] {
  return { ...contact, ...(never ? { never: [...never] } : {}) } as components['schemas']['Contact'];
}
