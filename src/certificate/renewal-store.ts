import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import type { HolderJwk } from './certificate-content.ts';

/** Which certificates are to be renewed: those that end before a day, or all that a key of the past signed. */
export type RenewalWish =
  | { readonly reason: 'expiring'; readonly expiringBefore: string }
  | { readonly reason: 'key_compromised'; readonly keyId: string };

export type RenewalRow = {
  readonly id: Id<'renewal'>;
  readonly wish: RenewalWish;
  readonly total: number;
  readonly done: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
};

/** A certificate that is to be renewed, as it stands in the register. */
export type DueCertificate = {
  readonly id: Id<'certificate'>;
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly holderJwk: HolderJwk | null;
  /** Sealed, as is its registration's data key. */
  readonly number: Buffer;
  readonly wrappedKey: Buffer;
};

const COLUMNS = [
  'id',
  'reason',
  'expiring_before',
  'key_id',
  'total',
  'done',
  'started_at',
  'finished_at',
] as const;

export async function insertRenewal(
  trx: Trx,
  renewal: {
    readonly id: Id<'renewal'>;
    readonly wish: RenewalWish;
    readonly total: number;
    readonly by: string;
    readonly at: Date;
  },
): Promise<RenewalRow> {
  const { id, wish, total, by, at } = renewal;
  const row = await trx
    .insertInto('certificate_renewal')
    .values({
      id,
      reason: wish.reason,
      expiring_before: wish.reason === 'expiring' ? wish.expiringBefore : null,
      key_id: wish.reason === 'key_compromised' ? wish.keyId : null,
      total,
      started_by: by,
      started_at: at,
      finished_at: total === 0 ? at : null,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
  return toRow(row);
}

/** @throws Refusal `record_not_found` */
export async function requireRenewal(db: Db | Trx, id: string): Promise<RenewalRow> {
  const row = await db
    .selectFrom('certificate_renewal')
    .select(COLUMNS)
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw new Refusal('record_not_found', {});
  return toRow(row);
}

/** Renewals that are not finished, oldest first. */
export async function findOpenRenewals(db: Db | Trx): Promise<RenewalRow[]> {
  const rows = await db
    .selectFrom('certificate_renewal')
    .select(COLUMNS)
    .where('finished_at', 'is', null)
    .orderBy('started_at')
    .orderBy('id')
    .execute();
  return rows.map(toRow);
}

/** What is done is what no longer waits, whoever did it and however its process ended. */
export async function recordProgress(
  db: Db | Trx,
  { id, total }: Pick<RenewalRow, 'id' | 'total'>,
  left: number,
  at: Date,
): Promise<void> {
  await db
    .updateTable('certificate_renewal')
    .set({ done: Math.max(0, total - left), finished_at: left === 0 ? at : null })
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .execute();
}

/**
 * How many certificates of couples for whom this authority vouches are still to be renewed. One whose registration is
 * being handed over waits for the outcome.
 *
 * @param newEnd the day on which one that is made today expires: what runs as long already is not renewed
 */
export async function countDue(db: Db | Trx, wish: RenewalWish, newEnd: string): Promise<number> {
  const row = await due(db, wish, newEnd)
    .where('registration.state', 'in', ['active', 'offered'])
    .select((of) => of.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/**
 * Takes the next certificates that are to be renewed and locks their registrations, so that nothing of what they say
 * changes before the intents are written. Registrations that somebody works at are left for the next turn, and so are
 * partners who are just being given another certificate, and those whose data were erased.
 */
export async function takeDue(
  trx: Trx,
  wish: RenewalWish,
  newEnd: string,
  limit: number,
): Promise<DueCertificate[]> {
  const rows = await due(trx, wish, newEnd)
    .innerJoin('data_key', (join) =>
      join
        .onRef('data_key.subject_id', '=', 'registration.id')
        .onRef('data_key.epoch', '=', 'registration.epoch')
        .on('data_key.subject_kind', '=', 'registration'),
    )
    .select([
      'certificate.id',
      'certificate.registration_id',
      'certificate.epoch',
      'certificate.position',
      'certificate.holder_jwk',
      'certificate.number',
      'data_key.wrapped_key',
    ])
    .where('registration.state', '=', 'active')
    .where('data_key.wrapped_key', 'is not', null)
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('certificate as coming')
            .select('coming.id')
            .whereRef('coming.registration_id', '=', 'certificate.registration_id')
            .whereRef('coming.epoch', '=', 'certificate.epoch')
            .whereRef('coming.position', '=', 'certificate.position')
            .whereRef('coming.form', '=', 'certificate.form')
            .where('coming.state', '=', 'intended'),
        ),
      ),
    )
    .orderBy('certificate.expires_on')
    .orderBy('certificate.registration_id')
    .limit(limit)
    .forUpdate('registration')
    .skipLocked()
    .execute();
  return rows.flatMap((row) =>
    row.wrapped_key
      ? [
          {
            id: row.id as Id<'certificate'>,
            registrationId: row.registration_id,
            epoch: row.epoch,
            position: row.position,
            holderJwk: row.holder_jwk as HolderJwk | null,
            number: row.number,
            wrappedKey: row.wrapped_key,
          },
        ]
      : [],
  );
}

/** Issued certificates that a wish is about, with their registrations. */
function due(db: Db | Trx, wish: RenewalWish, newEnd: string) {
  const issued = db
    .selectFrom('certificate')
    .innerJoin('registration', (join) =>
      join
        .onRef('registration.id', '=', 'certificate.registration_id')
        .onRef('registration.epoch', '=', 'certificate.epoch'),
    )
    .where('certificate.state', '=', 'issued');
  switch (wish.reason) {
    case 'expiring': {
      const before = wish.expiringBefore < newEnd ? wish.expiringBefore : newEnd;
      return issued.where('certificate.expires_on', '<', before);
    }
    case 'key_compromised':
      // Where the key was not noted yet it may have been this one.
      return issued.where((where) =>
        where.or([where('certificate.key_id', '=', wish.keyId), where('certificate.key_id', 'is', null)]),
      );
  }
}

/** One process of this authority renews at a time; the lock ends with the transaction, however its process ends. */
export async function tryRenewalTurn(trx: Trx): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('certificate_renewal', 0)) as taken
  `.execute(trx);
  return rows[0]?.taken === true;
}

type Stored = {
  id: string;
  reason: RenewalWish['reason'];
  expiring_before: string | null;
  key_id: string | null;
  total: number;
  done: number;
  started_at: Date;
  finished_at: Date | null;
};

function toRow(row: Stored): RenewalRow {
  return {
    id: row.id as Id<'renewal'>,
    wish:
      row.reason === 'expiring'
        ? { reason: row.reason, expiringBefore: row.expiring_before ?? '' }
        : { reason: row.reason, keyId: row.key_id ?? '' },
    total: row.total,
    done: row.done,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}
