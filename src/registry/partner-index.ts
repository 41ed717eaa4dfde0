import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { isUniqueViolation } from '../db/database-fault.ts';
import type { Trx } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { blindIndexOf, nameIndexOf } from './blind-index.ts';
import { LIVING_STATES } from './registration.ts';
import type { NewRegistration, PartnerRecord } from './registration-store.ts';
import type { Vault } from './vault.ts';

export const SEARCH_KINDS = ['kana', 'name', 'alias'] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];
export type SearchEntry = { readonly kind: SearchKind; readonly blind_index: Buffer };

export type PartnerPlace = {
  readonly id: string;
  readonly epoch: number;
  readonly position: PartnerPosition;
};

type IndexTerms = {
  /** The family register shows that whoever is registered under the same kana and birth date is somebody else. */
  readonly homonymConfirmed?: boolean | undefined;
};

/** Far more people than one authority has of one kana and birth date; it only bounds a loop. */
const MOST_HOMONYMS = 99;

/**
 * Writes by what both partners of a new registration are found: once for duplicates, and once per name for searching.
 *
 * @throws Refusal `already_registered` where either partner is in a living registration here, or both are one person
 */
export async function indexPartners(
  trx: Trx,
  vault: Vault,
  { id, epoch, partners, homonymConfirmed }: Pick<NewRegistration, 'id' | 'epoch' | 'partners'> & IndexTerms,
): Promise<void> {
  for (const position of POSITIONS) {
    const blindIndex = blindIndexOf(vault.blindIndex, partners[position]);
    await takeNumber({ homonymConfirmed }, (homonym) =>
      insertEntry(trx, { id, epoch, position }, blindIndex, homonym),
    );
  }
  const rows = POSITIONS.flatMap((position) =>
    searchEntriesOf(vault, partners[position]).map((entry) => ({
      registration_id: id,
      epoch,
      position,
      ...entry,
    })),
  );
  await trx.insertInto('partner_search').values(rows).execute();
}

/**
 * Writes the index of one partner anew after a change of names or birth date, or of a registration that has come to
 * life again. Whoever keeps kana and birth date keeps their number and tag too.
 *
 * @throws Refusal `already_registered` where the new kana and birth date are those of somebody in a living registration
 */
export async function reindexPartner(
  trx: Trx,
  vault: Vault,
  place: PartnerPlace,
  partner: PartnerRecord,
  terms: IndexTerms = {},
): Promise<void> {
  const blindIndex = blindIndexOf(vault.blindIndex, partner);
  // Both rows locked: a registration that ends at this moment must not stay in the index.
  const row = await trx
    .selectFrom('registration')
    .innerJoin('partner_index', (join) =>
      join
        .onRef('partner_index.registration_id', '=', 'registration.id')
        .onRef('partner_index.epoch', '=', 'registration.epoch'),
    )
    .select(['registration.state', 'partner_index.blind_index', 'partner_index.live'])
    .where('registration.id', '=', place.id)
    .where('registration.epoch', '=', place.epoch)
    .where('partner_index.position', '=', place.position)
    .forUpdate()
    .executeTakeFirst();
  if (!row) throw new Error('a partner without an index entry');
  const live = LIVING_STATES.includes(row.state);
  if (live !== row.live || !row.blind_index.equals(blindIndex))
    await takeNumber(terms, (homonym) => updateEntry(trx, place, { blindIndex, homonym, live }));
  await rewriteSearchEntries(trx, place, searchEntriesOf(vault, partner));
}

/** By what a clerk finds this partner: an entry per name there is, folded and blinded. */
export function searchEntriesOf(
  { blindIndex: key }: Vault,
  { kana, registeredName, alias, birthDate }: PartnerRecord,
): readonly SearchEntry[] {
  const written = (kind: SearchKind, name: string | undefined): SearchEntry[] => {
    const blindIndex = name === undefined ? undefined : nameIndexOf(key, name, birthDate);
    return blindIndex ? [{ kind, blind_index: blindIndex }] : [];
  };
  return [
    { kind: 'kana', blind_index: blindIndexOf(key, { kana, birthDate }) },
    ...written('name', registeredName),
    ...written('alias', alias?.name),
  ];
}

/** The lowest free number where a homonym is confirmed; else number 0 or none. */
async function takeNumber(
  { homonymConfirmed = false }: IndexTerms,
  take: (homonym: number) => Promise<boolean>,
): Promise<void> {
  const last = homonymConfirmed ? MOST_HOMONYMS : 0;
  for (let homonym = 0; homonym <= last; homonym += 1) if (await take(homonym)) return;
  throw new Refusal('already_registered', {});
}

async function insertEntry(
  trx: Trx,
  { id, epoch, position }: PartnerPlace,
  blindIndex: Buffer,
  homonym: number,
): Promise<boolean> {
  // `do nothing` instead of a caught unique violation: the transaction stays usable, and the answer is the same.
  const written = await trx
    .insertInto('partner_index')
    .values({ registration_id: id, epoch, position, blind_index: blindIndex, homonym, live: true })
    .onConflict((conflict) =>
      conflict.columns(['blind_index', 'homonym']).where('live', '=', true).doNothing(),
    )
    .returning('position')
    .executeTakeFirst();
  return written !== undefined;
}

async function updateEntry(
  trx: Trx,
  { id, epoch, position }: PartnerPlace,
  { blindIndex, homonym, live }: { blindIndex: Buffer; homonym: number; live: boolean },
): Promise<boolean> {
  // An update has no `do nothing`; only back at a savepoint is the transaction usable after a violation.
  await sql`savepoint partner_entry`.execute(trx);
  try {
    await trx
      .updateTable('partner_index')
      // The tag is another person's now; the worker makes a new one after the commit.
      .set({ blind_index: blindIndex, homonym, live, blinded_tag: null })
      .where('registration_id', '=', id)
      .where('epoch', '=', epoch)
      .where('position', '=', position)
      .execute();
    await sql`release savepoint partner_entry`.execute(trx);
    return true;
  } catch (error) {
    if (!isUniqueViolation(error, 'partner_index_one_living')) throw error;
    await sql`rollback to savepoint partner_entry`.execute(trx);
    return false;
  }
}

async function rewriteSearchEntries(
  trx: Trx,
  { id, epoch, position }: PartnerPlace,
  entries: readonly SearchEntry[],
): Promise<void> {
  await trx
    .insertInto('partner_search')
    .values(entries.map((entry) => ({ registration_id: id, epoch, position, ...entry })))
    .onConflict((conflict) =>
      conflict
        .columns(['registration_id', 'epoch', 'position', 'kind'])
        .doUpdateSet((excluded) => ({ blind_index: excluded.ref('excluded.blind_index') })),
    )
    .execute();
  const gone = SEARCH_KINDS.filter((kind) => !entries.some((entry) => entry.kind === kind));
  if (gone.length === 0) return;
  // The application may not delete: a name that is no more is overwritten with what no name has.
  await trx
    .updateTable('partner_search')
    .set({ blind_index: randomBytes(16) })
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .where('kind', 'in', gone)
    .execute();
}
