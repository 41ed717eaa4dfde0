import { sql } from 'kysely';
import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { blindIndexOf, nameIndexOf } from './blind-index.ts';
import { foldName } from './name-folding.ts';
import type { SearchKind } from './partner-index.ts';
import type { RegistrationState } from './registration.ts';
import type { Vault } from './vault.ts';

export type SearchDeps = { readonly db: Db; readonly clock: Clock; readonly vault: Vault };

/** A birth date (`YYYY-MM-DD`) and at least one of the two; `name` is a registered name or an alias. */
export type SearchTerms = {
  readonly birthDate: string;
  readonly kana?: string | undefined;
  readonly name?: string | undefined;
};

export type FoundPartner = {
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
  readonly state: RegistrationState;
  /** Which of the partner's names the terms hit. */
  readonly by: readonly SearchKind[];
};

const MOST_FOUND = 20;

/**
 * Finds registrations by a person, current names only. A hit on either term counts, and `by` says on which: a clerk who
 * mishears one of two names still finds the couple. The search is logged with its purpose and without its terms.
 *
 * @returns at most twenty, whoever is hit by most names first, then the latest registrations
 * @throws Refusal `request_malformed` where nothing of a term can be compared
 */
export async function searchRegister(
  { db, clock, vault }: SearchDeps,
  actor: Actor,
  terms: SearchTerms,
  purpose: string,
): Promise<{ readonly found: readonly FoundPartner[]; readonly more: boolean }> {
  const indexes = indexesOf(vault, terms);
  return inTransaction(db, async (trx) => {
    const rows = await findByIndex(trx, indexes);
    const found = rows.slice(0, MOST_FOUND);
    await appendEvent(trx, clock, {
      type: 'register_searched',
      actor,
      purpose,
      // Whose record it concerns is not known before one is opened, and the opening is logged to its couple.
      visibility: 'staff',
      facts: {
        by: (['kana', 'name'] as const).filter((term) => terms[term] !== undefined),
        found: found.length,
      },
    });
    return { found, more: rows.length > MOST_FOUND };
  });
}

function indexesOf({ blindIndex: key }: Vault, { birthDate, kana, name }: SearchTerms): readonly Buffer[] {
  const unusable = (pointer: string) => new Refusal('request_malformed', { pointer, rule: 'pattern' });
  if (kana !== undefined && foldName(kana) === '') throw unusable('/kana');
  const byName = name === undefined ? undefined : nameIndexOf(key, name, birthDate);
  if (name !== undefined && !byName) throw unusable('/name');
  const byKana = kana === undefined ? undefined : blindIndexOf(key, { kana, birthDate });
  return [byKana, byName].filter((index) => index !== undefined);
}

/** One more than are shown. Of a couple that has left and come back, only its newest registration here. */
async function findByIndex(trx: Trx, indexes: readonly Buffer[]): Promise<FoundPartner[]> {
  if (indexes.length === 0) return [];
  const rows = await trx
    .selectFrom('partner_search as entry')
    .innerJoin('registration as held', (join) =>
      join.onRef('held.id', '=', 'entry.registration_id').onRef('held.epoch', '=', 'entry.epoch'),
    )
    .select(['held.id', 'held.epoch', 'entry.position', 'held.state'])
    .select(sql<SearchKind[]>`array_agg(entry.kind order by entry.kind)`.as('by'))
    .where('entry.blind_index', 'in', indexes)
    .where('held.state', 'not in', ['staged', 'abandoned'])
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('registration as newer')
            .select('newer.id')
            .whereRef('newer.id', '=', 'held.id')
            .whereRef('newer.epoch', '>', 'held.epoch')
            .where('newer.state', 'not in', ['staged', 'abandoned']),
        ),
      ),
    )
    .groupBy(['held.id', 'held.epoch', 'entry.position', 'held.state', 'held.registered_at'])
    .orderBy(sql`count(*)`, 'desc')
    .orderBy('held.registered_at', 'desc')
    .orderBy('held.id')
    .orderBy('entry.position')
    .limit(MOST_FOUND + 1)
    .execute();
  return rows.map(({ id, epoch, position, state, by }) => ({
    registrationId: id,
    epoch,
    position,
    state,
    by,
  }));
}
