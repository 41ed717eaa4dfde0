import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal, type UnmetRequirement } from '../kernel/refusal.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { CaseState, ExpiringState } from './case-state.ts';
import { NO_TRANSFER, type TransferState } from './protocol-state.ts';
import type { CertificateReference, ConsentStatement } from './transfer-payload.ts';

/** A field of the application that the counter asks to correct, and why. Codes only. */
export type Correction = { readonly field: string; readonly reason: string };

/** Models of agreement under which the couple files where it leaves. */
export const FILING_MODELS = ['continued_use'] as const;
export type FilingModel = (typeof FILING_MODELS)[number];

export type TransferRow = {
  readonly id: Id<'transfer'>;
  readonly side: 'origin' | 'destination';
  readonly state: CaseState;
  /** null: an authority without a node, which is asked by letter. */
  readonly peer: EntityId | null;
  readonly peerCode: AuthorityCode;
  readonly registrationId: Id<'registration'> | null;
  readonly epoch: number | null;
  readonly protocol: TransferState;
  readonly application: Buffer | null;
  /** What is filled in and not submitted yet. */
  readonly draft: Buffer | null;
  readonly reasons: readonly string[];
  readonly corrections: readonly Correction[];
  readonly unmet: readonly UnmetRequirement[];
  /** Until when a case that ended can be taken up again. */
  readonly reopenUntil: string | null;
  readonly expiredFrom: ExpiringState | null;
  /** At the destination: until when the origin has said that it is checking. */
  readonly originCheckingUntil: string | null;
  /** At the origin: digest of the request that waits for the end of a hold. */
  readonly heldRequest: string | null;
  /** Filed where the couple leaves, under this model of agreement; null: at the destination. */
  readonly filedAs: FilingModel | null;
  /** The origin runs no node: it is asked by letter (paper-case.ts), and the protocol has no part in it. */
  readonly byPost: boolean;
  readonly openedBy: string;
  readonly openedAt: Date;
  readonly changedAt: Date;
};

const COLUMNS = [
  'id',
  'side',
  'state',
  'peer_entity',
  'peer_code',
  'registration_id',
  'epoch',
  'protocol',
  'application',
  'draft',
  'reasons',
  'corrections',
  'unmet',
  'reopen_until',
  'expired_from',
  'origin_checking_until',
  'held_request',
  'filed_as',
  'by_post',
  'opened_by',
  'opened_at',
  'changed_at',
] as const;

/**
 * Takes the locks of the protocol, always the registration's before the transfer's. They are advisory, so that a
 * registration or a transfer that is not there yet can be locked too; they end with the transaction.
 */
export async function lockFor(trx: Trx, what: 'registration' | 'transfer', id: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${what} ${id}`}, 0))`.execute(trx);
}

export async function findTransfer(db: Db | Trx, id: string): Promise<TransferRow | undefined> {
  const row = await db.selectFrom('transfer').select(COLUMNS).where('id', '=', id).executeTakeFirst();
  return row && toRow(row);
}

/** @throws Refusal `record_not_found` */
export async function requireTransfer(db: Db | Trx, id: string): Promise<TransferRow> {
  const row = await findTransfer(db, id);
  if (!row) throw new Refusal('record_not_found', {});
  return row;
}

export type NewTransfer = {
  readonly id: Id<'transfer'>;
  readonly side: 'origin' | 'destination';
  readonly state: CaseState;
  /** null: by post. */
  readonly peer: EntityId | null;
  readonly peerCode: AuthorityCode;
  readonly openedBy: string;
  readonly at: Date;
  readonly filedAs?: FilingModel;
  /** At the origin, of what is filed there. */
  readonly registration?: { readonly id: string; readonly epoch: number };
  /** At the origin, of a request that met a hold. */
  readonly held?: {
    readonly request: string;
    readonly registration: { readonly id: string; readonly epoch: number };
  };
};

export async function insertTransfer(trx: Trx, transfer: NewTransfer): Promise<void> {
  await trx
    .insertInto('transfer')
    .values({
      id: transfer.id,
      side: transfer.side,
      state: transfer.state,
      peer_entity: transfer.peer,
      by_post: transfer.peer === null,
      peer_code: transfer.peerCode,
      opened_by: transfer.openedBy,
      opened_at: transfer.at,
      changed_at: transfer.at,
      ...(transfer.filedAs ? { filed_as: transfer.filedAs } : {}),
      ...(transfer.registration
        ? { registration_id: transfer.registration.id, epoch: transfer.registration.epoch }
        : {}),
      ...(transfer.held
        ? {
            held_request: transfer.held.request,
            registration_id: transfer.held.registration.id,
            epoch: transfer.held.registration.epoch,
          }
        : {}),
    })
    .execute();
}

export type TransferChange = {
  readonly state?: CaseState;
  readonly protocol?: TransferState;
  readonly registration?: { readonly id: string; readonly epoch: number };
  readonly application?: Buffer;
  readonly draft?: Buffer | null;
  readonly reasons?: readonly string[];
  readonly corrections?: readonly Correction[];
  readonly reopenUntil?: string | null;
  readonly expiredFrom?: ExpiringState | null;
  readonly originCheckingUntil?: string | null;
  readonly heldRequest?: string;
  readonly openedBy?: string;
  readonly unmet?: readonly UnmetRequirement[];
};

export async function updateTransfer(trx: Trx, id: string, change: TransferChange, at: Date): Promise<void> {
  await trx
    .updateTable('transfer')
    .set({
      changed_at: at,
      ...(change.state ? { state: change.state } : {}),
      ...(change.protocol ? { protocol: JSON.stringify(change.protocol) } : {}),
      ...(change.registration
        ? { registration_id: change.registration.id, epoch: change.registration.epoch }
        : {}),
      ...(change.application ? { application: change.application } : {}),
      ...(change.draft === undefined ? {} : { draft: change.draft }),
      ...(change.corrections ? { corrections: JSON.stringify(change.corrections) } : {}),
      ...(change.reopenUntil === undefined ? {} : { reopen_until: change.reopenUntil }),
      ...(change.expiredFrom === undefined ? {} : { expired_from: change.expiredFrom }),
      ...(change.originCheckingUntil === undefined
        ? {}
        : { origin_checking_until: change.originCheckingUntil }),
      ...(change.heldRequest ? { held_request: change.heldRequest } : {}),
      ...(change.openedBy ? { opened_by: change.openedBy } : {}),
      ...(change.reasons ? { reasons: JSON.stringify(change.reasons) } : {}),
      ...(change.unmet ? { unmet: JSON.stringify(change.unmet) } : {}),
    })
    .where('id', '=', id)
    .execute();
}

/** Whom a message of this case goes to. A case by post has no messages: nothing may try to send one. */
export function requirePeer({ peer }: Pick<TransferRow, 'peer'>): EntityId {
  if (peer === null) throw new Error('a case by post has nobody to send a message to');
  return peer;
}

/** Marks when a transfer was last worked on, so that its last word is not said again at every turn. */
export async function touchTransfer(trx: Trx, id: string, at: Date): Promise<void> {
  await trx.updateTable('transfer').set({ changed_at: at }).where('id', '=', id).execute();
}

export async function recordStep(trx: Trx, transferId: string, step: string, at: Date): Promise<void> {
  await trx
    .insertInto('transfer_step')
    .values({
      transfer_id: transferId,
      number: sql<number>`(select coalesce(max(number), 0) + 1 from transfer_step where transfer_id = ${transferId})`,
      step,
      at,
    })
    .execute();
}

export async function findSteps(db: Db | Trx, transferId: string): Promise<{ step: string; at: Date }[]> {
  return db
    .selectFrom('transfer_step')
    .select(['step', 'at'])
    .where('transfer_id', '=', transferId)
    .orderBy('number')
    .execute();
}

/** How often an application was filed in this case, corrections included. */
export async function countSubmissions(db: Db | Trx, transferId: string): Promise<number> {
  const steps = await findSteps(db, transferId);
  return steps.filter(({ step }) => step === 'submitted').length;
}

export type ConsentRow = Omit<ConsentStatement, 'certificate'> & {
  readonly position: PartnerPosition;
  /** null: a certificate on paper, typed as it was shown (paper-case.ts). */
  readonly certificate: CertificateReference | null;
  readonly disclosed: Buffer | null;
};

export async function findConsents(db: Db | Trx, transferId: string): Promise<ConsentRow[]> {
  const rows = await db
    .selectFrom('transfer_consent')
    .select([
      'position',
      'text_version',
      'method',
      'evidence_sha256',
      'certificate_kind',
      'status_uri',
      'status_index',
      'certificate_hash',
      'disclosed',
      'given_at',
    ])
    .where('transfer_id', '=', transferId)
    .where('superseded_at', 'is', null)
    .execute();
  return rows.map((row) => ({
    position: row.position,
    textVersion: row.text_version,
    method: row.method,
    givenAt: row.given_at.toISOString(),
    evidenceSha256: row.evidence_sha256,
    certificate: referenceIn(row),
    disclosed: row.disclosed,
  }));
}

function referenceIn(row: {
  readonly certificate_kind: 'sd-jwt-vc' | 'paper' | 'typed';
  readonly status_uri: string | null;
  readonly status_index: number | null;
  readonly certificate_hash: string | null;
}): CertificateReference | null {
  const { certificate_kind: kind, status_uri: statusUri, status_index: statusIndex } = row;
  const { certificate_hash: hash } = row;
  if (kind === 'typed' || statusUri === null || statusIndex === null || hash === null) return null;
  return { kind, statusUri, statusIndex, hash };
}

/** Another case of this authority that is still open and in which this very certificate was shown. */
export async function findOpenCaseOf(
  trx: Trx,
  except: string,
  { uri, idx }: { readonly uri: string; readonly idx: number },
): Promise<string | undefined> {
  const row = await trx
    .selectFrom('transfer_consent')
    .innerJoin('transfer', 'transfer.id', 'transfer_consent.transfer_id')
    .select('transfer.id')
    .where('transfer_consent.status_uri', '=', uri)
    .where('transfer_consent.status_index', '=', idx)
    .where('transfer_consent.superseded_at', 'is', null)
    .where('transfer.id', '!=', except)
    .where('transfer.state', 'in', ['submitted', 'correction', 'consented', 'requested', 'staged'])
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

export async function insertConsent(trx: Trx, transferId: string, consent: ConsentRow): Promise<void> {
  await trx
    .insertInto('transfer_consent')
    .values({
      transfer_id: transferId,
      position: consent.position,
      text_version: consent.textVersion,
      method: consent.method,
      evidence_sha256: consent.evidenceSha256,
      certificate_kind: consent.certificate?.kind ?? 'typed',
      status_uri: consent.certificate?.statusUri ?? null,
      status_index: consent.certificate?.statusIndex ?? null,
      certificate_hash: consent.certificate?.hash ?? null,
      disclosed: consent.disclosed,
      given_at: new Date(consent.givenAt),
    })
    .execute();
}

/** What is filed here for a registration and has not come to an offer or an end; one at most. */
export async function findFilingOf(db: Db | Trx, registrationId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('transfer')
    .select('id')
    .where('registration_id', '=', registrationId)
    .where('side', '=', 'origin')
    .where('state', 'in', ['filing', 'forwarded'])
    .executeTakeFirst();
  return row?.id;
}

/** A consent belongs to what was shown with it: whose part was corrected is asked again (consent-scope.ts). */
export async function supersedeConsents(
  trx: Trx,
  transferId: string,
  at: Date,
  position?: PartnerPosition,
): Promise<void> {
  let query = trx
    .updateTable('transfer_consent')
    .set({ superseded_at: at, disclosed: null })
    .where('transfer_id', '=', transferId)
    .where('superseded_at', 'is', null);
  if (position) query = query.where('position', '=', position);
  await query.execute();
}

export async function listTransfers(
  db: Db,
  filter: {
    readonly side?: 'origin' | 'destination' | undefined;
    readonly state?: CaseState | undefined;
    readonly limit: number;
  },
): Promise<TransferRow[]> {
  let query = db.selectFrom('transfer').select(COLUMNS).orderBy('opened_at', 'desc').limit(filter.limit);
  if (filter.side) query = query.where('side', '=', filter.side);
  if (filter.state) query = query.where('state', '=', filter.state);
  return (await query.execute()).map(toRow);
}

const RETURNABLE: readonly CaseState[] = [
  'draft',
  'submitted',
  'correction',
  'consented',
  'requested',
  'held',
  'offered',
  'filing',
  'forwarded',
  'filed',
];

/** Transfers with these peers of which nothing has been released or staged. */
export async function findOpenWith(db: Db, peers: readonly EntityId[]): Promise<Id<'transfer'>[]> {
  if (peers.length === 0) return [];
  const rows = await db
    .selectFrom('transfer')
    .select('id')
    .where('peer_entity', 'in', peers)
    .where('state', 'in', RETURNABLE)
    .execute();
  return rows.map(({ id }) => id as Id<'transfer'>);
}

/** Transfers that wait for the other side and have not moved since `before`: their last word is said again. */
export async function findStalled(db: Db, before: Date, limit: number): Promise<TransferRow[]> {
  const rows = await db
    .selectFrom('transfer')
    .select(COLUMNS)
    .where('state', 'in', ['requested', 'staged', 'activated', 'offered', 'released'])
    .where('by_post', '=', false)
    .where('changed_at', '<', before)
    .orderBy('changed_at')
    .limit(limit)
    .execute();
  return rows.map(toRow);
}

type Stored = {
  id: string;
  side: 'origin' | 'destination';
  state: CaseState;
  peer_entity: string | null;
  peer_code: string;
  registration_id: string | null;
  epoch: number | null;
  protocol: unknown;
  application: Buffer | null;
  draft: Buffer | null;
  reasons: unknown;
  corrections: unknown;
  unmet: unknown;
  reopen_until: string | null;
  expired_from: ExpiringState | null;
  origin_checking_until: string | null;
  held_request: string | null;
  filed_as: FilingModel | null;
  by_post: boolean;
  opened_by: string;
  opened_at: Date;
  changed_at: Date;
};

function toRow(row: Stored): TransferRow {
  return {
    id: row.id as Id<'transfer'>,
    side: row.side,
    state: row.state,
    peer: row.peer_entity as EntityId | null,
    peerCode: row.peer_code as AuthorityCode,
    registrationId: row.registration_id as Id<'registration'> | null,
    epoch: row.epoch,
    protocol: (row.protocol as TransferState | null) ?? NO_TRANSFER,
    application: row.application,
    draft: row.draft,
    reasons: row.reasons as string[],
    corrections: row.corrections as Correction[],
    reopenUntil: row.reopen_until,
    expiredFrom: row.expired_from,
    originCheckingUntil: row.origin_checking_until,
    heldRequest: row.held_request,
    filedAs: row.filed_as,
    byPost: row.by_post,
    unmet: row.unmet as UnmetRequirement[],
    openedBy: row.opened_by,
    openedAt: row.opened_at,
    changedAt: row.changed_at,
  };
}
