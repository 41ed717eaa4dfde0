import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import { type Id, newRandomId } from '../kernel/id.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { Sealer } from '../registry/vault.ts';
import type { HolderJwk } from './certificate-content.ts';
import {
  CERTIFICATE_COLUMNS,
  type CertificateForm,
  type CertificateRow,
  numberColumn,
  type Replacement,
  type StoredCertificate,
  toCertificate,
} from './certificate-store.ts';
import { LIST_SIZE } from './status-list.ts';
import { STATUS_LIST_ID } from './status-list-store.ts';

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

export type SealedIntent = Omit<Intent, 'number'> & {
  readonly id: Id<'certificate'>;
  /** Sealed for this id. */
  readonly number: Buffer;
};

export function sealIntent(sealer: Sealer, { number, ...intent }: Intent): SealedIntent {
  const id = newRandomId<'certificate'>();
  return { ...intent, id, number: sealer.seal(numberColumn(id), number) };
}

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
    written.push(...rows.map(toCertificate));
  }
  const order = new Map(intents.map(({ id }, at) => [id, at]));
  return written.sort((one, other) => (order.get(one.id) ?? 0) - (order.get(other.id) ?? 0));
}

async function insertWithFreeIndexes(
  trx: Trx,
  intents: readonly SealedIntent[],
): Promise<StoredCertificate[]> {
  const drawn = Array.from({ length: 2 * intents.length + 62 }, () => randomInt(LIST_SIZE));
  const column = <Value>(of: (intent: SealedIntent) => Value): Value[] => intents.map(of);
  const { rows } = await sql<StoredCertificate>`
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
    returning ${sql.join(CERTIFICATE_COLUMNS.map((name) => sql.ref(name)))}
  `.execute(trx);
  return rows;
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
    .select(CERTIFICATE_COLUMNS)
    .where('state', '=', 'intended')
    .orderBy('intended_at')
    .orderBy('position')
    .limit(of.limit);
  if (of.registrationId !== undefined) query = query.where('registration_id', '=', of.registrationId);
  else query = query.where(sql<boolean>`replace_reason is distinct from 'renewed'`);
  if (of.epoch !== undefined) query = query.where('epoch', '=', of.epoch);
  return (await query.execute()).map(toCertificate);
}

/** Renewals that were intended and not yet signed, oldest first: their process died, or they could not be signed. */
export async function findRenewalIntents(db: Db | Trx, limit: number): Promise<CertificateRow[]> {
  const rows = await db
    .selectFrom('certificate')
    .select(CERTIFICATE_COLUMNS)
    .where('state', '=', 'intended')
    .where('replace_reason', '=', 'renewed')
    .orderBy('intended_at')
    .orderBy('registration_id')
    .limit(limit)
    .execute();
  return rows.map(toCertificate);
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
    .returning(CERTIFICATE_COLUMNS)
    .execute();
  return rows.map(toCertificate);
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
