import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import { type Id, newRandomId } from '../kernel/id.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';
import type { HolderJwk } from './certificate-content.ts';
import { LIST_SIZE } from './status-list.ts';
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

export type Intent = {
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  /** The wallet's key; left out for the portable form. */
  readonly holderJwk?: HolderJwk | null;
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

export type SealedIntent = Omit<Intent, 'number'> & {
  readonly id: Id<'certificate'>;
  /** Sealed for this id. */
  readonly number: Buffer;
};

export function sealIntent(sealer: Sealer, { number, ...intent }: Intent): SealedIntent {
  const id = newRandomId<'certificate'>();
  return { ...intent, id, number: sealer.seal(numberColumn(id), number) };
}

export const numberColumn = (id: string) => `certificate.${id}.number`;

export async function insertIntent(trx: Trx, sealer: Sealer, intent: Intent): Promise<CertificateRow> {
  const [row] = await insertIntents(trx, [sealIntent(sealer, intent)]);
  if (!row) throw new Error('an intent was to be written and was not');
  return row;
}

/**
 * Writes intents to issue, each with a status index drawn at random and never used before. Indexes that are taken are
 * passed over in the same statement, and the unique constraint decides, so two processes never share one; what found
 * none is drawn again.
 */
export async function insertIntents(trx: Trx, intents: readonly SealedIntent[]): Promise<CertificateRow[]> {
  const written: CertificateRow[] = [];
  let left = intents;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    if (attempt === 200) throw new Error('no free status index was found; the status list is full');
    const rows = await insertWithFreeIndexes(trx, left);
    const done = new Set(rows.map(({ id }) => id));
    left = left.filter(({ id }) => !done.has(id));
    written.push(...rows.map(toRow));
  }
  const order = new Map(intents.map(({ id }, at) => [id, at]));
  return written.sort((one, other) => (order.get(one.id) ?? 0) - (order.get(other.id) ?? 0));
}

async function insertWithFreeIndexes(trx: Trx, intents: readonly SealedIntent[]): Promise<Stored[]> {
  const drawn = Array.from({ length: 2 * intents.length + 62 }, () => randomInt(LIST_SIZE));
  const column = <Value>(of: (intent: SealedIntent) => Value): Value[] => intents.map(of);
  const { rows } = await sql<Stored>`
    with free as (
      select index, row_number() over () as place
      from unnest(${[...new Set(drawn)]}::integer[]) as index
      where not exists (
        select from certificate where list_id = ${STATUS_LIST_ID} and status_index = index
      )
    ), wanted as (
      select *, row_number() over () as place from unnest(
        ${column(({ id }) => id)}::uuid[],
        ${column((intent) => intent.registrationId)}::uuid[],
        ${column((intent) => intent.epoch)}::integer[],
        ${column((intent) => intent.position)}::text[],
        ${column(({ holderJwk }) => (holderJwk ? JSON.stringify(holderJwk) : null))}::jsonb[],
        ${column((intent) => intent.intendedAt.toISOString())}::timestamptz[],
        ${column((intent) => intent.issuedOn)}::date[],
        ${column((intent) => intent.expiresOn)}::date[],
        ${column((intent) => intent.number)}::bytea[],
        ${column(({ replaces }) => replaces?.certificateId ?? null)}::uuid[],
        ${column(({ replaces }) => replaces?.reason ?? null)}::text[]
      ) as intent (id, registration_id, epoch, position, holder_jwk, intended_at, issued_on, expires_on, number,
        replaces, replace_reason)
    )
    insert into certificate (id, registration_id, epoch, position, form, holder_jwk, state, list_id, status_index,
      intended_at, issued_on, expires_on, number, replaces, replace_reason)
    select id, registration_id, epoch, position, case when holder_jwk is null then 'portable' else 'wallet' end,
      holder_jwk, 'intended', ${STATUS_LIST_ID}, index, intended_at, issued_on, expires_on, number, replaces,
      replace_reason
    from wanted join free using (place)
    on conflict (list_id, status_index) do nothing
    returning ${sql.join(COLUMNS.map((name) => sql.ref(name)))}
  `.execute(trx);
  return rows;
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

/**
 * Certificates that were intended and not yet signed, oldest first: work that a crash left behind is found here.
 * Renewals are left out where no registration is named: their worker finds them by `findRenewalIntents`.
 */
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
  else query = query.where(sql<boolean>`replace_reason is distinct from 'renewed'`);
  if (of.epoch !== undefined) query = query.where('epoch', '=', of.epoch);
  return (await query.execute()).map(toRow);
}

/** Renewals that were intended and not yet signed, oldest first: their process died, or they could not be signed. */
export async function findRenewalIntents(db: Db | Trx, limit: number): Promise<CertificateRow[]> {
  const rows = await db
    .selectFrom('certificate')
    .select(COLUMNS)
    .where('state', '=', 'intended')
    .where('replace_reason', '=', 'renewed')
    .orderBy('intended_at')
    .orderBy('registration_id')
    .limit(limit)
    .execute();
  return rows.map(toRow);
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

/** Gives up what was intended for these partners in these forms and not yet signed; the indexes are still to be burnt. */
export async function abandonIntents(
  trx: Trx,
  { registrationId, epoch }: { readonly registrationId: string; readonly epoch: number },
  positions: readonly PartnerPosition[],
  forms: readonly CertificateForm[],
): Promise<CertificateRow[]> {
  if (positions.length === 0 || forms.length === 0) return [];
  const rows = await trx
    .updateTable('certificate')
    .set({ state: 'abandoned' })
    .where('registration_id', '=', registrationId)
    .where('epoch', '=', epoch)
    .where('position', 'in', positions)
    .where('form', 'in', forms)
    .where('state', '=', 'intended')
    .returning(COLUMNS)
    .execute();
  return rows.map(toRow);
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

/** Gives up what was intended; the caller makes the entries INVALID. */
export async function abandon(trx: Trx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable('certificate')
    .set({ state: 'abandoned' })
    .where('id', 'in', ids)
    .where('state', '=', 'intended')
    .execute();
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

function toRow(row: Stored): CertificateRow {
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
