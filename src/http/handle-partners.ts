import { appendEvent, eventsVisibleTo, type LoggedEvent } from '../audit/audit-log.ts';
import { findCertificates } from '../certificate/certificate-store.ts';
import { inTransaction } from '../db/transaction.ts';
import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { redeemLoginCode } from '../registry/login-code.ts';
import { findRegistration, type RegistrationRow, readPartners } from '../registry/registration-store.ts';
import { findTransfer, type TransferRow } from '../transfer/transfer-store.ts';
import type { components } from './api.generated.ts';
import { formsBody, partnerBody, registrationBody } from './handle-registrations.ts';
import { summaryBody } from './handle-transfers.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Schemas = components['schemas'];

export function partnerHandlers(
  node: NodeParts,
): Handlers<'createSession' | 'getMyRecord' | 'getMyCertificates' | 'getMyAccesses'> {
  const { db, clock, vault } = node;
  return {
    async createSession({ body }) {
      const actor = await redeemLoginCode({ db, clock }, body.code);
      const { token, expiresAt } = node.sessions.sign(actor, node.sessionSeconds);
      const { record, position } = actor.scope;
      return {
        status: 201,
        body: { token, expiresAt: expiresAt.toISOString(), record: { ...record }, position },
      };
    },

    async getMyRecord({ actor }) {
      const mine = await findMine(node, actor);
      await logOwnReading(node, actor, 'own_record_read');
      const partners = mine.registration && (await readPartners(db, vault, mine.registration));
      const other = partners?.[mine.position === 'first' ? 'second' : 'first'];
      return {
        status: 200,
        body: {
          position: mine.position,
          ...(mine.registration
            ? {
                registration: {
                  ...registrationBody(node, mine.registration),
                  ...(partners ? { me: partnerBody(partners[mine.position]) } : {}),
                  ...(other ? { partnerName: other.alias?.name ?? other.registeredName } : {}),
                },
              }
            : {}),
          ...(mine.transfer ? { transfer: summaryBody(node, mine.transfer) } : {}),
        },
      };
    },

    async getMyCertificates({ actor }) {
      const { registration, position } = await findMine(node, actor);
      await logOwnReading(node, actor, 'own_certificates_read');
      const rows = registration
        ? await findCertificates(db, { registrationId: registration.id, epoch: registration.epoch })
        : [];
      const forms = await Promise.all(
        rows.filter((row) => row.position === position).map((row) => formsBody(node, row)),
      );
      return { status: 200, body: { certificates: forms.filter((each) => each !== undefined) } };
    },

    async getMyAccesses({ actor }) {
      const { registration, transfer, position } = await findMine(node, actor);
      await logOwnReading(node, actor, 'own_accesses_read');
      const records = [
        ...(registration ? [{ kind: 'registration', id: registration.id } as const] : []),
        ...(transfer ? [{ kind: 'transfer', id: transfer.id } as const] : []),
      ];
      const events = (
        await Promise.all(records.map((record) => eventsVisibleTo(db, record, position, 200)))
      ).flat();
      events.sort((a, b) => b.sequence - a.sequence);
      return {
        status: 200,
        body: { accesses: events.slice(0, 200).map((event) => accessBody(node, event)) },
      };
    },
  };
}

type Mine = {
  readonly position: PartnerPosition;
  readonly registration: RegistrationRow | undefined;
  readonly transfer: TransferRow | undefined;
};

/** The one record a partner's session opens. A case that arrived opens the registration that it brought. */
async function findMine({ db }: NodeParts, actor: Actor): Promise<Mine> {
  if (actor.kind !== 'partner') throw new Refusal('role_insufficient', { roles: ['partner'] });
  const { record, position } = actor.scope;
  const transfer = record.kind === 'transfer' ? await findTransfer(db, record.id) : undefined;
  const arrived =
    transfer?.side === 'destination' && (transfer.state === 'activated' || transfer.state === 'completed');
  const id = record.kind === 'registration' ? record.id : arrived ? transfer.registrationId : null;
  const registration = id ? await findRegistration(db, id) : undefined;
  if (!transfer && !registration) throw new Refusal('record_not_found', {});
  return { position, registration, transfer };
}

async function logOwnReading(
  { db, clock }: NodeParts,
  actor: Actor,
  type: 'own_record_read' | 'own_certificates_read' | 'own_accesses_read',
): Promise<void> {
  if (actor.kind !== 'partner') return;
  const { record } = actor.scope;
  await inTransaction(db, (trx) =>
    appendEvent(trx, clock, { type, actor, record, visibility: 'acting', facts: {} }),
  );
}

/**
 * The role that acted, and the authority where it was another one; who in person stays with the auditor. Who caused a
 * case to move on is left out: to one partner `partner` would say that the other one withdrew.
 */
function accessBody(node: NodeParts, { at, type, actor, purpose }: LoggedEvent): Schemas['Access'] {
  const peer =
    actor.kind === 'peer' && isAuthorityCode(actor.subject) ? (actor.subject as AuthorityCode) : undefined;
  return {
    at: at.toISOString(),
    type,
    by: type === 'transfer_moved_on' && !peer ? 'system' : (actor.role ?? actor.kind),
    ...(peer ? { authority: { code: peer, name: { ...node.nameOf(peer) } } } : {}),
    ...(purpose ? { purpose } : {}),
  };
}
