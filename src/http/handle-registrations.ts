import type { AuditEventType } from '../audit/audit-event.ts';
import { appendEvent } from '../audit/audit-log.ts';
import type { Command } from '../audit/command-log.ts';
import { type CertificateRow, findCertificates, readForms } from '../certificate/certificate-store.ts';
import { issueCertificates } from '../certificate/issue-certificates.ts';
import { paperUrl } from '../certificate/paper-token.ts';
import { requireCertificate, revokeCertificate } from '../certificate/revoke-certificate.ts';
import { inTransaction } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { requireProcedure } from '../procedure/procedure-store.ts';
import { readFamily } from '../registry/family-store.ts';
import { createLoginCode } from '../registry/login-code.ts';
import { findProtection } from '../registry/protection-store.ts';
import { type Oath, registerOath } from '../registry/register-oath.ts';
import {
  type FamilyMemberRecord,
  type PartnerRecord,
  type RegistrationRow,
  readPartners,
  requireRegistration,
} from '../registry/registration-store.ts';
import { openSealer } from '../registry/vault.ts';
import { endRegistration } from '../transfer/end-registration.ts';
import { requireTransfer } from '../transfer/transfer-store.ts';
import type { components } from './api.generated.ts';
import type { Handlers } from './handlers.ts';
import type { Idempotency } from './idempotency.ts';
import type { NodeParts } from './node-parts.ts';

type Schemas = components['schemas'];

type RegistrationOperations =
  | 'registerOath'
  | 'getRegistration'
  | 'endRegistration'
  | 'issueCertificates'
  | 'getCertificate'
  | 'revokeCertificate'
  | 'createLoginCode';

export function registrationHandlers(node: NodeParts): Handlers<RegistrationOperations> {
  const { db, clock, vault } = node;
  const issueDeps = { db, clock, vault, terms: node.issuerTerms };

  return {
    async registerOath({ body, actor, idempotency }) {
      const deps = { db, clock, vault, authority: node.authority, rules: node.rules };
      const answer = await registerOath(deps, command('registerOath', actor, idempotency), oathOf(body));
      return { status: 201, body: answer.body as Schemas['RegistrationCreated'] };
    },

    async getRegistration({ params, query, actor }) {
      const row = await requireRegistration(db, params.registrationId);
      const partners = await readPartners(db, vault, row);
      const protectedPartners = await findProtection(db, row);
      const familyMembers = await readFamily(db, vault, row);
      const certificates = await findCertificates(db, { registrationId: row.id, epoch: row.epoch });
      await logReading(node, actor, 'registration_read', row.id, query.purpose);
      const each = (position: PartnerPosition, record: PartnerRecord) => ({
        ...partnerBody(record),
        ...(protectedPartners[position] ? { protected: true } : {}),
      });
      return {
        status: 200,
        body: {
          ...registrationBody(node, row),
          ...(row.endReason ? { endReason: row.endReason } : {}),
          ...(partners
            ? { partners: { first: each('first', partners.first), second: each('second', partners.second) } }
            : {}),
          ...(familyMembers.length > 0 ? { familyMembers: familyMembers.map(familyMemberBody) } : {}),
          ...(row.residenceDueOn ? { residence: residenceBody(row.residenceDueOn, row) } : {}),
          certificates: certificates.map(certificateSummary),
        },
      };
    },

    async endRegistration({ params, body, actor, idempotency }) {
      const named = command('endRegistration', actor, idempotency);
      const answer = await endRegistration(node.transferDeps, named, params.registrationId, body);
      node.wake('outbox');
      return { status: 200, body: answer.body as Schemas['RegistrationState'] };
    },

    async issueCertificates({ params, actor, idempotency }) {
      await issueCertificates(
        issueDeps,
        command('issueCertificates', actor, idempotency),
        params.registrationId,
      );
      const { id, epoch } = await requireRegistration(db, params.registrationId);
      const certificates = await findCertificates(db, { registrationId: id, epoch });
      return {
        status: 201,
        body: {
          certificates: certificates.filter(({ state }) => state !== 'revoked').map(certificateSummary),
        },
      };
    },

    async getCertificate({ params, query, actor }) {
      const row = await requireRegistration(db, params.registrationId);
      const certificate = await requireCertificate(
        db,
        { registrationId: row.id, epoch: row.epoch },
        params.certificateId,
      );
      if (certificate.form === 'wallet') throw new Refusal('record_not_found', {});
      const forms = await formsBody(node, certificate);
      if (!forms)
        throw new Refusal('certificate_state_conflict', { state: certificate.state, allowed: ['issued'] });
      await logReading(node, actor, 'certificate_read', row.id, query.purpose, certificate);
      return { status: 200, body: forms };
    },

    async revokeCertificate({ params, body, actor, idempotency }) {
      const row = await requireRegistration(db, params.registrationId);
      const of = { registrationId: row.id, epoch: row.epoch };
      const certificate = await requireCertificate(db, of, params.certificateId);
      await revokeCertificate(
        { db, clock },
        command('revokeCertificate', actor, idempotency),
        certificate,
        body.reason,
      );
      return { status: 200, body: certificateSummary(await requireCertificate(db, of, certificate.id)) };
    },

    async createLoginCode({ body, actor }) {
      const { record, position, identityCheckedBy } = body;
      // The record must be there before a code for it is.
      switch (record.kind) {
        case 'registration':
          await requireRegistration(db, record.id);
          break;
        case 'transfer':
          await requireTransfer(db, record.id);
          break;
        case 'procedure':
          await requireProcedure(db, record.id);
          break;
      }
      const { code, expiresAt } = await createLoginCode(
        { db, clock },
        actor,
        { record, position },
        identityCheckedBy,
      );
      return { status: 201, body: { code, expiresAt: expiresAt.toISOString() } };
    },
  };
}

export function command(operationId: string, actor: Actor, idempotency: Idempotency): Command {
  return { actor, operationId, idempotencyKey: idempotency.key, requestHash: idempotency.requestHash };
}

function oathOf({
  oathDate,
  partners,
  couple,
  familyMembers = [],
  homonymConfirmed = false,
}: Schemas['OathRequest']): Oath {
  const each = ({
    registeredName,
    kana,
    alias,
    birthDate,
    residence,
    ...statement
  }: Schemas['OathPartner']) => ({
    record: { registeredName, kana, alias: alias ?? null, birthDate, residence },
    statement: { ...statement, residence },
  });
  return {
    oathDate,
    partners: { first: each(partners.first), second: each(partners.second) },
    couple,
    familyMembers: familyMembers.map(familyMemberOf),
    homonymConfirmed,
  };
}

/** What the form leaves out was not given: no relation to one of the two alone, no consent, no proof. */
function familyMemberOf({
  relationTo,
  consent = 'none',
  proofSeen = false,
  ...member
}: NonNullable<Schemas['OathRequest']['familyMembers']>[number]): FamilyMemberRecord {
  return { ...member, relationTo: relationTo ?? null, consent, proofSeen };
}

function familyMemberBody({ relationTo, ...member }: FamilyMemberRecord): Schemas['FamilyMember'] {
  return { ...member, ...(relationTo ? { relationTo } : {}) };
}

function residenceBody(
  dueOn: string,
  { residenceProvenOn }: RegistrationRow,
): NonNullable<Schemas['Registration']['residence']> {
  return { dueOn, ...(residenceProvenOn ? { provenOn: residenceProvenOn } : {}) };
}

/** `received` is an inner step of a transfer's last seconds; to people the registration is in force. */
export function publicState(state: RegistrationRow['state']): Schemas['RegistrationState']['state'] {
  switch (state) {
    case 'received':
      return 'active';
    case 'active':
    case 'offered':
    case 'released':
    case 'closed':
    case 'ended':
      return state;
    case 'staged':
    case 'abandoned':
      throw new Refusal('record_not_found', {});
  }
}

export function registrationBody(node: NodeParts, row: RegistrationRow) {
  return {
    registrationId: row.id,
    state: publicState(row.state),
    epoch: row.epoch,
    oathDate: row.oathDate,
    firstOathDate: row.firstOathDate,
    firstAuthority: { code: row.firstAuthority, name: { ...node.nameOf(row.firstAuthority) } },
  };
}

export function partnerBody({
  registeredName,
  kana,
  alias,
  birthDate,
  residence,
}: PartnerRecord): Schemas['RegisteredPartner'] {
  return {
    registeredName,
    kana,
    ...(alias ? { alias: { ...alias } } : {}),
    birthDate,
    residence: { ...residence } as Schemas['Residence'],
  };
}

export function certificateSummary({
  id,
  position,
  form,
  state,
  issuedOn,
  expiresOn,
}: CertificateRow): Schemas['CertificateSummary'] {
  if (state === 'abandoned') throw new Refusal('record_not_found', {});
  return { certificateId: id, position, form, state, issuedOn, expiresOn };
}

/**
 * What the authority hands out: the portable form. One that is bound to a wallet's key is that wallet's alone.
 *
 * @returns undefined while the certificate is not signed yet, or where its registration's data were erased
 */
export async function formsBody(
  node: NodeParts,
  certificate: CertificateRow,
): Promise<Schemas['CertificateForms'] | undefined> {
  const { id, position, state, issuedOn, expiresOn, registrationId, epoch } = certificate;
  if (state !== 'issued' && state !== 'revoked') return undefined;
  const sealer = await openSealer(node.db, node.vault, { kind: 'registration', id: registrationId, epoch });
  const forms = sealer && (await readForms(node.db, sealer, id));
  if (!forms) return undefined;
  const { sdJwtVc, paperToken } = forms;
  if (paperToken === null) return undefined;
  return {
    certificateId: id,
    position,
    state,
    issuedOn,
    expiresOn,
    sdJwtVc,
    paperToken,
    paperAddress: paperUrl(node.entityId, paperToken),
  };
}

/** Whoever reads personal data leaves an entry that both partners can see, before the data leave this process. */
async function logReading(
  { db, clock }: NodeParts,
  actor: Actor,
  type: Extract<AuditEventType, 'registration_read' | 'certificate_read'>,
  registrationId: string,
  purpose: string,
  certificate?: { readonly id: string; readonly position: PartnerPosition },
): Promise<void> {
  const common = {
    actor,
    record: { kind: 'registration', id: registrationId },
    purpose,
    visibility: 'both',
  } as const;
  await inTransaction(db, (trx) =>
    type === 'certificate_read' && certificate
      ? appendEvent(trx, clock, {
          ...common,
          type,
          position: certificate.position,
          facts: { certificateId: certificate.id },
        })
      : appendEvent(trx, clock, { ...common, type: 'registration_read', facts: {} }),
  );
}
