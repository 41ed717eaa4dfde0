import { randomInt } from 'node:crypto';
import type { Db, Trx } from '../db/transaction.ts';
import { type Id, newRandomId } from '../kernel/id.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { Sealer } from '../registry/vault.ts';
import { LIST_SIZE } from './status-list.ts';
import { invalidateEntries, STATUS_LIST_ID } from './status-list-store.ts';

export type CertificateState = 'intended' | 'issued' | 'revoked' | 'abandoned';

/** Why a certificate takes the place of another one. */
export type ReplaceReason = 'lost' | 'damaged' | 'changed';

/** The certificate that ends in the moment in which this one becomes good. */
export type Replacement = { readonly certificateId: Id<'certificate'>; readonly reason: ReplaceReason };

export type CertificateRow = {
  readonly id: Id<'certificate'>;
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly state: CertificateState;
  readonly statusIndex: number;
  readonly issuedOn: string;
  readonly expiresOn: string;
  readonly intendedAt: Date;
  readonly replaces: Replacement | null;
  /** The day on which the paper was handed in. */
  readonly surrenderedOn: string | null;
};

export type RevokeReason =
  | ReplaceReason
  | 'returned'
  | 'misuse'
  | 'registration_ended'
  | 'continued_elsewhere';

export type Intent = {
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly number: string;
  readonly issuedOn: string;
  readonly expiresOn: string;
  readonly intendedAt: Date;
  readonly replaces?: Replacement | null;
};

const COLUMNS = [
  'id',
  'registration_id',
  'epoch',
  'position',
  'state',
  'status_index',
  'issued_on',
  'expires_on',
  'intended_at',
  'replaces',
  'replace_reason',
  'surrendered_on',
] as const;

/**
 * Writes the intent to issue, with a status index drawn at random and never used before. A draw that is taken is
 * repeated; the unique constraint decides, so two processes never share an index.
 */
export async function insertIntent(trx: Trx, sealer: Sealer, intent: Intent): Promise<CertificateRow> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const id = newRandomId<'certificate'>();
    const row = await trx
      .insertInto('certificate')
      .values({
        id,
        registration_id: intent.registrationId,
        epoch: intent.epoch,
        position: intent.position,
        state: 'intended',
        list_id: STATUS_LIST_ID,
        status_index: randomInt(LIST_SIZE),
        intended_at: intent.intendedAt,
        issued_on: intent.issuedOn,
        expires_on: intent.expiresOn,
        number: sealer.seal(`certificate.${id}.number`, intent.number),
        replaces: intent.replaces?.certificateId ?? null,
        replace_reason: intent.replaces?.reason ?? null,
      })
      .onConflict((conflict) => conflict.columns(['list_id', 'status_index']).doNothing())
      .returning(COLUMNS)
      .executeTakeFirst();
    if (row) return toRow(row);
  }
  throw new Error('no free status index was found; the status list is full');
}

export async function findCertificates(
  db: Db | Trx,
  { registrationId, epoch }: { readonly registrationId: string; readonly epoch: number },
): Promise<CertificateRow[]> {
  const rows = await db
    .selectFrom('certificate')
    .select(COLUMNS)
    .where('registration_id', '=', registrationId)
    .where('epoch', '=', epoch)
    .where('state', '!=', 'abandoned')
    .orderBy('intended_at')
    .orderBy('position')
    .execute();
  return rows.map(toRow);
}

/** Certificates that were intended and not yet signed, oldest first: work that a crash left behind is found here. */
export async function findIntents(
  db: Db | Trx,
  of: { readonly registrationId?: string; readonly epoch?: number; readonly limit: number },
): Promise<CertificateRow[]> {
  let query = db
    .selectFrom('certificate')
    .select(COLUMNS)
    .where('state', '=', 'intended')
    .orderBy('intended_at')
    .orderBy('position')
    .limit(of.limit);
  if (of.registrationId !== undefined) query = query.where('registration_id', '=', of.registrationId);
  if (of.epoch !== undefined) query = query.where('epoch', '=', of.epoch);
  return (await query.execute()).map(toRow);
}

export type SignedForms = {
  readonly sdJwtVc: string;
  readonly paperToken: string;
  readonly sdJwtHash: Buffer;
  readonly paperHash: Buffer;
};

/** @returns false where the certificate is no longer merely intended: somebody else signed it, or it was given up */
export async function recordIssue(
  db: Db | Trx,
  sealer: Sealer,
  { id }: Pick<CertificateRow, 'id'>,
  forms: SignedForms,
  at: Date,
): Promise<boolean> {
  const row = await db
    .updateTable('certificate')
    .set({
      state: 'issued',
      issued_at: at,
      sd_jwt_vc: sealer.seal(`certificate.${id}.sd_jwt_vc`, forms.sdJwtVc),
      paper_token: sealer.seal(`certificate.${id}.paper_token`, forms.paperToken),
      sd_jwt_hash: forms.sdJwtHash,
      paper_hash: forms.paperHash,
    })
    .where('id', '=', id)
    .where('state', '=', 'intended')
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Locks a replaced certificate and the intent that replaces it, in the order in which `revokeAll` locks issued and
 * intended ones, so that the two never wait for each other.
 *
 * @returns false where the successor is no longer merely intended
 */
export async function lockReplacement(
  trx: Trx,
  { id, replaces }: Pick<CertificateRow, 'id' | 'replaces'>,
): Promise<boolean> {
  if (replaces)
    await trx
      .selectFrom('certificate')
      .select('id')
      .where('id', '=', replaces.certificateId)
      .forNoKeyUpdate()
      .execute();
  const intent = await trx
    .selectFrom('certificate')
    .select('id')
    .where('id', '=', id)
    .where('state', '=', 'intended')
    .forNoKeyUpdate()
    .executeTakeFirst();
  return intent !== undefined;
}

/** Gives up what was intended for these partners and not yet signed; the indexes are still to be burnt. */
export async function abandonIntents(
  trx: Trx,
  { registrationId, epoch }: { readonly registrationId: string; readonly epoch: number },
  positions: readonly PartnerPosition[],
): Promise<{ readonly position: PartnerPosition; readonly statusIndex: number }[]> {
  if (positions.length === 0) return [];
  const rows = await trx
    .updateTable('certificate')
    .set({ state: 'abandoned' })
    .where('registration_id', '=', registrationId)
    .where('epoch', '=', epoch)
    .where('position', 'in', positions)
    .where('state', '=', 'intended')
    .returning(['position', 'status_index'])
    .execute();
  return rows.map((row) => ({ position: row.position, statusIndex: row.status_index }));
}

/** @returns false where it was handed in before */
export async function markSurrendered(trx: Trx, id: string, on: string): Promise<boolean> {
  const row = await trx
    .updateTable('certificate')
    .set({ surrendered_on: on })
    .where('id', '=', id)
    .where('surrendered_on', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function readForms(
  db: Db | Trx,
  sealer: Sealer,
  id: string,
): Promise<{ readonly sdJwtVc: string; readonly paperToken: string } | undefined> {
  const row = await db
    .selectFrom('certificate')
    .select(['sd_jwt_vc', 'paper_token'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row?.sd_jwt_vc || !row.paper_token) return undefined;
  return {
    sdJwtVc: sealer.open(`certificate.${id}.sd_jwt_vc`, row.sd_jwt_vc),
    paperToken: sealer.open(`certificate.${id}.paper_token`, row.paper_token),
  };
}

/** The numbers of certificates that one sealer opens, by certificate. */
export async function readNumbers(
  db: Db | Trx,
  sealer: Sealer,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('certificate').select(['id', 'number']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, number }) => [id, sealer.open(`certificate.${id}.number`, number)]));
}

/** Numbers that an imported register had given: a certificate keeps its number, or the couple would hold two. */
export async function readKeptNumbers(
  db: Db | Trx,
  sealer: Sealer,
  { registrationId, epoch }: { readonly registrationId: string; readonly epoch: number },
): Promise<Partial<Record<PartnerPosition, string>>> {
  const rows = await db
    .selectFrom('registration_partner')
    .select(['position', 'kept_number'])
    .where('registration_id', '=', registrationId)
    .where('epoch', '=', epoch)
    .where('kept_number', 'is not', null)
    .execute();
  return Object.fromEntries(
    rows.flatMap(({ position, kept_number: kept }) =>
      kept ? [[position, sealer.open(`${position}.kept_number`, kept)]] : [],
    ),
  );
}

/** Revokes one certificate; false where it is not issued. Its status entry is INVALID in the same transaction. */
export async function revokeOne(trx: Trx, id: string, reason: RevokeReason, at: Date): Promise<boolean> {
  const row = await trx
    .updateTable('certificate')
    .set({ state: 'revoked', revoked_at: at, revoke_reason: reason })
    .where('id', '=', id)
    .where('state', '=', 'issued')
    .returning('status_index')
    .executeTakeFirst();
  if (!row) return false;
  await invalidateEntries(trx, [row.status_index]);
  return true;
}

/** Makes every certificate of one epoch INVALID; what was only intended is given up and its index burnt. */
export async function revokeAll(
  trx: Trx,
  { registrationId, epoch }: { readonly registrationId: string; readonly epoch: number },
  reason: RevokeReason,
  at: Date,
): Promise<void> {
  const of = { registration_id: registrationId, epoch };
  const revoked = await trx
    .updateTable('certificate')
    .set({ state: 'revoked', revoked_at: at, revoke_reason: reason })
    .where('registration_id', '=', of.registration_id)
    .where('epoch', '=', of.epoch)
    .where('state', '=', 'issued')
    .returning('status_index')
    .execute();
  const abandoned = await trx
    .updateTable('certificate')
    .set({ state: 'abandoned' })
    .where('registration_id', '=', of.registration_id)
    .where('epoch', '=', of.epoch)
    .where('state', '=', 'intended')
    .returning('status_index')
    .execute();
  await invalidateEntries(
    trx,
    [...revoked, ...abandoned].map((row) => row.status_index),
  );
}

/** How a presented certificate is found again: by its place in the list and the digest of its signed text. */
export async function findByReference(
  db: Db | Trx,
  { statusIndex, hash }: { readonly statusIndex: number; readonly hash: Buffer },
): Promise<CertificateRow | undefined> {
  const row = await db
    .selectFrom('certificate')
    .select(COLUMNS)
    .where('list_id', '=', STATUS_LIST_ID)
    .where('status_index', '=', statusIndex)
    .where((where) => where.or([where('sd_jwt_hash', '=', hash), where('paper_hash', '=', hash)]))
    .executeTakeFirst();
  return row && toRow(row);
}

type Stored = {
  id: string;
  registration_id: string;
  epoch: number;
  position: PartnerPosition;
  state: CertificateState;
  status_index: number;
  issued_on: string;
  expires_on: string;
  intended_at: Date;
  replaces: string | null;
  replace_reason: ReplaceReason | null;
  surrendered_on: string | null;
};

function toRow(row: Stored): CertificateRow {
  return {
    id: row.id as Id<'certificate'>,
    registrationId: row.registration_id,
    epoch: row.epoch,
    position: row.position,
    state: row.state,
    statusIndex: row.status_index,
    issuedOn: row.issued_on,
    expiresOn: row.expires_on,
    intendedAt: row.intended_at,
    replaces:
      row.replaces && row.replace_reason
        ? { certificateId: row.replaces as Id<'certificate'>, reason: row.replace_reason }
        : null,
    surrenderedOn: row.surrendered_on,
  };
}
