import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';
import type { HolderJwk } from './certificate-content.ts';
import { invalidateEntries, STATUS_LIST_ID } from './status-list-store.ts';

export type CertificateState = 'intended' | 'issued' | 'revoked' | 'abandoned';

/** To carry, on paper or in a file; or bound to a key in a wallet. A partner may hold one of each. */
export type CertificateForm = 'portable' | 'wallet';

/** Why a certificate takes the place of another one. */
export type ReplaceReason = 'lost' | 'damaged' | 'changed' | 'renewed';

/** The certificate that ends in the moment in which this one becomes good. */
export type Replacement = { readonly certificateId: Id<'certificate'>; readonly reason: ReplaceReason };

export type CertificateRow = {
  readonly id: Id<'certificate'>;
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly form: CertificateForm;
  /** The wallet's key; null in the portable form. */
  readonly holderJwk: HolderJwk | null;
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

/** Where a certificate's number stands among what a data key seals. */
export const numberColumn = (id: string) => `certificate.${id}.number`;

export const CERTIFICATE_COLUMNS = [
  'id',
  'registration_id',
  'epoch',
  'position',
  'form',
  'holder_jwk',
  'state',
  'status_index',
  'issued_on',
  'expires_on',
  'intended_at',
  'replaces',
  'replace_reason',
  'surrendered_on',
] as const;

export async function findCertificates(
  db: Db | Trx,
  { registrationId, epoch }: { readonly registrationId: string; readonly epoch: number },
): Promise<CertificateRow[]> {
  const rows = await db
    .selectFrom('certificate')
    .select(CERTIFICATE_COLUMNS)
    .where('registration_id', '=', registrationId)
    .where('epoch', '=', epoch)
    .where('state', '!=', 'abandoned')
    .orderBy('intended_at')
    .orderBy('position')
    .execute();
  return rows.map(toCertificate);
}

export type SignedForms = {
  readonly sdJwtVc: string;
  readonly sdJwtHash: Buffer;
  /** Only of the portable form: paper proves no wallet's key. */
  readonly paper: { readonly token: string; readonly hash: Buffer } | null;
  readonly keyId: string;
};

export type SignedIntent = { readonly intent: CertificateRow; readonly forms: SealedForms };

/** What `recordIssues` stores of one certificate. */
export type SealedForms = {
  readonly sdJwtVc: Buffer;
  readonly sdJwtHash: Buffer;
  readonly paperToken: Buffer | null;
  readonly paperHash: Buffer | null;
  readonly keyId: string;
};

export function sealForms(
  sealer: Sealer,
  id: CertificateRow['id'],
  { sdJwtVc, sdJwtHash, paper, keyId }: SignedForms,
): SealedForms {
  return {
    sdJwtVc: sealer.seal(`certificate.${id}.sd_jwt_vc`, sdJwtVc),
    sdJwtHash,
    paperToken: paper && sealer.seal(`certificate.${id}.paper_token`, paper.token),
    paperHash: paper?.hash ?? null,
    keyId,
  };
}

/** @returns false where the certificate is no longer merely intended: somebody else signed it, or it was given up */
export async function recordIssue(
  db: Db | Trx,
  sealer: Sealer,
  intent: Pick<CertificateRow, 'id'>,
  forms: SignedForms,
  at: Date,
): Promise<boolean> {
  const issued = await recordIssues(db, [{ intent, forms: sealForms(sealer, intent.id, forms) }], at);
  return issued.has(intent.id);
}

/** @returns the certificates that were merely intended until now */
export async function recordIssues(
  db: Db | Trx,
  signed: readonly { readonly intent: Pick<CertificateRow, 'id'>; readonly forms: SealedForms }[],
  at: Date,
): Promise<ReadonlySet<string>> {
  if (signed.length === 0) return new Set();
  const column = <Value>(of: (forms: SealedForms) => Value): Value[] => signed.map(({ forms }) => of(forms));
  const { rows } = await sql<{ id: string }>`
    update certificate as stored
    set state = 'issued', issued_at = ${at}, sd_jwt_vc = signed.sd_jwt_vc, sd_jwt_hash = signed.sd_jwt_hash,
      paper_token = signed.paper_token, paper_hash = signed.paper_hash, key_id = signed.key_id
    from unnest(
      ${signed.map(({ intent }) => intent.id)}::uuid[],
      ${column(({ sdJwtVc }) => sdJwtVc)}::bytea[],
      ${column(({ sdJwtHash }) => sdJwtHash)}::bytea[],
      ${column(({ paperToken }) => paperToken)}::bytea[],
      ${column(({ paperHash }) => paperHash)}::bytea[],
      ${column(({ keyId }) => keyId)}::text[]
    ) as signed (id, sd_jwt_vc, sd_jwt_hash, paper_token, paper_hash, key_id)
    where stored.id = signed.id and stored.state = 'intended'
    returning stored.id
  `.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/**
 * Locks replaced certificates and the intents that replace them, in the order in which `revokeAll` locks issued and
 * intended ones, so that the two seldom wait for each other.
 *
 * @returns the intents that are still merely intended
 */
export async function lockReplacements(
  trx: Trx,
  intents: readonly Pick<CertificateRow, 'id' | 'replaces'>[],
): Promise<ReadonlySet<string>> {
  const lock = (ids: readonly string[]) =>
    trx
      .selectFrom('certificate')
      .select(['id', 'state'])
      .where('id', '=', sql<string>`any(${ids}::uuid[])`)
      .orderBy('id')
      .forNoKeyUpdate()
      .execute();
  await lock(intents.flatMap(({ replaces }) => (replaces ? [replaces.certificateId] : [])));
  const locked = await lock(intents.map(({ id }) => id));
  return new Set(locked.flatMap(({ id, state }) => (state === 'intended' ? [id] : [])));
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

/** @returns undefined while it is not signed */
export async function readForms(
  db: Db | Trx,
  sealer: Sealer,
  id: string,
): Promise<{ readonly sdJwtVc: string; readonly paperToken: string | null } | undefined> {
  const row = await db
    .selectFrom('certificate')
    .select(['sd_jwt_vc', 'paper_token'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row?.sd_jwt_vc) return undefined;
  return {
    sdJwtVc: sealer.open(`certificate.${id}.sd_jwt_vc`, row.sd_jwt_vc),
    paperToken: row.paper_token && sealer.open(`certificate.${id}.paper_token`, row.paper_token),
  };
}

/**
 * The SD-JWT VC of a certificate with all its disclosures or, where it was replaced since, of the one that is good now
 * in its stead: the same partner's, in the same form and for the same key.
 *
 * @returns undefined where none is signed and good, or the registration's data were erased
 */
export async function certificateText(
  db: Db | Trx,
  vault: Vault,
  certificateId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('certificate as asked')
    .innerJoin('certificate as good', (join) =>
      join
        .onRef('good.registration_id', '=', 'asked.registration_id')
        .onRef('good.epoch', '=', 'asked.epoch')
        .onRef('good.position', '=', 'asked.position')
        .onRef('good.form', '=', 'asked.form')
        .on(sql<boolean>`good.holder_jwk is not distinct from asked.holder_jwk`),
    )
    .select(['good.id', 'good.registration_id', 'good.epoch'])
    .where('asked.id', '=', certificateId)
    .where('good.state', '=', 'issued')
    .executeTakeFirst();
  const sealer =
    row && (await openSealer(db, vault, { kind: 'registration', id: row.registration_id, epoch: row.epoch }));
  return sealer && (await readForms(db, sealer, row.id))?.sdJwtVc;
}

/** The numbers of certificates that one sealer opens, by certificate. */
export async function readNumbers(
  db: Db | Trx,
  sealer: Sealer,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('certificate').select(['id', 'number']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, number }) => [id, sealer.open(numberColumn(id), number)]));
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

/**
 * Ends certificates whose successors begin in this transaction; the caller makes their entries INVALID.
 *
 * @returns the status index of each that was issued until now
 */
export async function endReplaced(
  trx: Trx,
  replaced: readonly Replacement[],
  at: Date,
): Promise<ReadonlyMap<string, number>> {
  if (replaced.length === 0) return new Map();
  const { rows } = await sql<{ id: string; status_index: number }>`
    update certificate as old
    set state = 'revoked', revoked_at = ${at}, revoke_reason = replaced.reason
    from unnest(
      ${replaced.map(({ certificateId }) => certificateId)}::uuid[],
      ${replaced.map(({ reason }) => reason)}::text[]
    ) as replaced (id, reason)
    where old.id = replaced.id and old.state = 'issued'
    returning old.id, old.status_index
  `.execute(trx);
  return new Map(rows.map((row) => [row.id, row.status_index]));
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
/** How a partner's living certificate is referred to, the portable form before one in a wallet. */
export async function findReference(
  db: Db | Trx,
  of: { readonly registrationId: string; readonly epoch: number; readonly position: PartnerPosition },
): Promise<{ readonly statusIndex: number; readonly hash: Buffer } | undefined> {
  const row = await db
    .selectFrom('certificate')
    .select(['status_index', 'sd_jwt_hash'])
    .where('registration_id', '=', of.registrationId)
    .where('epoch', '=', of.epoch)
    .where('position', '=', of.position)
    .where('list_id', '=', STATUS_LIST_ID)
    .where('state', '=', 'issued')
    .where('sd_jwt_hash', 'is not', null)
    .orderBy('form')
    .orderBy('intended_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.sd_jwt_hash ? { statusIndex: row.status_index, hash: row.sd_jwt_hash } : undefined;
}

export async function findByReference(
  db: Db | Trx,
  { statusIndex, hash }: { readonly statusIndex: number; readonly hash: Buffer },
): Promise<CertificateRow | undefined> {
  const row = await db
    .selectFrom('certificate')
    .select(CERTIFICATE_COLUMNS)
    .where('list_id', '=', STATUS_LIST_ID)
    .where('status_index', '=', statusIndex)
    .where((where) => where.or([where('sd_jwt_hash', '=', hash), where('paper_hash', '=', hash)]))
    .executeTakeFirst();
  return row && toCertificate(row);
}

export type StoredCertificate = {
  id: string;
  registration_id: string;
  epoch: number;
  position: PartnerPosition;
  form: CertificateForm;
  holder_jwk: unknown;
  state: CertificateState;
  status_index: number;
  issued_on: string;
  expires_on: string;
  intended_at: Date;
  replaces: string | null;
  replace_reason: ReplaceReason | null;
  surrendered_on: string | null;
};

export function toCertificate(row: StoredCertificate): CertificateRow {
  return {
    id: row.id as Id<'certificate'>,
    registrationId: row.registration_id,
    epoch: row.epoch,
    position: row.position,
    form: row.form,
    holderJwk: row.holder_jwk as HolderJwk | null,
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
