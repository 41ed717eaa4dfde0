import { appendEvent, eventsVisibleTo, type LoggedEvent, queryEvents } from '../audit/audit-log.ts';
import { findCertificates } from '../certificate/certificate-store.ts';
import { inTransaction } from '../db/transaction.ts';
import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { findProcedure, type ProcedureRow } from '../procedure/procedure-store.ts';
import { redeemLoginCode } from '../registry/login-code.ts';
import { entriesShownTo } from '../registry/protection.ts';
import { readShown } from '../registry/protection-store.ts';
import { findRegistration, type RegistrationRow } from '../registry/registration-store.ts';
import { findTransfer, type TransferRow } from '../transfer/transfer-store.ts';
import type { components } from './api.generated.ts';
import { formsBody, partnerBody, registrationBody } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { summaryBody } from './transfer-body.ts';

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
      const shown = mine.registration && (await readShown(db, vault, mine.registration))?.[mine.position];
      return {
        status: 200,
        body: {
          position: mine.position,
          ...(mine.registration
            ? {
                registration: {
                  ...registrationBody(node, mine.registration),
                  ...(shown ? { me: partnerBody(shown.holder), partnerName: shown.partnerName } : {}),
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
      const mine = await findMine(node, actor);
      await logOwnReading(node, actor, 'own_accesses_read');
      const events = await eventsShownTo(node, mine);
      return {
        status: 200,
        body: { accesses: events.slice(0, MOST_ACCESSES).map((event) => accessBody(node, event)) },
      };
    },
  };
}

const MOST_ACCESSES = 200;

/** The latest first. More are looked at than are shown, so that what is hidden makes no older one disappear. */
async function eventsShownTo(
  { db }: NodeParts,
  { registration, transfer, procedure, position }: Mine,
): Promise<LoggedEvent[]> {
  const records = [
    ...(registration ? [{ kind: 'registration', id: registration.id } as const] : []),
    ...(transfer ? [{ kind: 'transfer', id: transfer.id } as const] : []),
    ...(procedure ? [{ kind: 'procedure', id: procedure.id } as const] : []),
  ];
  const [found, settings] = await Promise.all([
    Promise.all(records.map((record) => eventsVisibleTo(db, record, position, 5 * MOST_ACCESSES))),
    registration ? queryEvents(db, { record: registration.id, type: 'protection_changed', limit: 1000 }) : [],
  ]);
  return entriesShownTo(position, found.flat(), settings).sort((a, b) => b.sequence - a.sequence);
}

export type Mine = {
  readonly position: PartnerPosition;
  readonly registration: RegistrationRow | undefined;
  readonly transfer: TransferRow | undefined;
  readonly procedure: ProcedureRow | undefined;
};

/**
 * The one record a partner's session opens. A case that arrived opens the registration that it brought, and a procedure
 * the one it is about.
 *
 * @throws Refusal `record_not_found`
 */
export async function findMine({ db }: NodeParts, actor: Actor): Promise<Mine> {
  if (actor.kind !== 'partner') throw new Refusal('role_insufficient', { roles: ['partner'] });
  const { record, position } = actor.scope;
  const transfer = record.kind === 'transfer' ? await findTransfer(db, record.id) : undefined;
  const arrived =
    transfer?.side === 'destination' && (transfer.state === 'activated' || transfer.state === 'completed');
  const procedure = record.kind === 'procedure' ? await findProcedure(db, record.id) : undefined;
  const id =
    record.kind === 'registration'
      ? record.id
      : arrived
        ? transfer.registrationId
        : procedure?.registration?.id;
  const registration = id ? await findRegistration(db, id) : undefined;
  if (!transfer && !procedure && !registration) throw new Refusal('record_not_found', {});
  return { position, registration, transfer, procedure };
}

export async function logOwnReading(
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
