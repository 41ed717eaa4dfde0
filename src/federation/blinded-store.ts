import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';

export type TagList = {
  /** In ascending order, none twice: two of one kana and birth date are not told from one. */
  readonly tags: Buffer;
  /** Whether every partner of a living registration has its tag. */
  readonly complete: boolean;
};

/** This authority's tags, and whether any is missing, as of one moment. */
export async function readTagList(db: Db | Trx): Promise<TagList> {
  const { rows } = await sql<TagList>`
    select
      coalesce(string_agg(tag, ''::bytea order by tag), ''::bytea) as tags,
      not exists (select from partner_index where live and blinded_tag is null) as complete
    from (select distinct blinded_tag as tag from partner_index where live and blinded_tag is not null) as tagged
  `.execute(db);
  const [list] = rows;
  if (!list) throw new Error('an aggregate without a row');
  return list;
}

export type HeldIndex = { readonly tags: Buffer; readonly version: string; readonly fetchedAt: Date };

/** Another member's tags as last fetched. */
export async function findHeldIndex(db: Db | Trx, entityId: EntityId): Promise<HeldIndex | undefined> {
  const row = await db
    .selectFrom('member_blinded_index')
    .select(['tags', 'version', 'fetched_at'])
    .where('entity_id', '=', entityId)
    .executeTakeFirst();
  return row && { tags: row.tags, version: row.version, fetchedAt: row.fetched_at };
}

/** Keeps a member's tags unless later ones are held already. */
export async function holdIndex(
  db: Db | Trx,
  entityId: EntityId,
  { tags, version, fetchedAt }: HeldIndex,
): Promise<void> {
  const values = { tags, version, fetched_at: fetchedAt };
  await db
    .insertInto('member_blinded_index')
    .values({ entity_id: entityId, ...values })
    .onConflict((conflict) =>
      conflict
        .column('entity_id')
        .doUpdateSet(values)
        .where('member_blinded_index.fetched_at', '<=', fetchedAt),
    )
    .execute();
}

export type UntaggedPartner = {
  readonly registrationId: string;
  readonly epoch: number;
  readonly position: 'first' | 'second';
  readonly blindIndex: Buffer;
};

/** Partners of living registrations that have no tag yet. */
export async function findUntagged(db: Db, limit: number): Promise<UntaggedPartner[]> {
  const rows = await db
    .selectFrom('partner_index')
    .select(['registration_id', 'epoch', 'position', 'blind_index'])
    .where('live', '=', true)
    .where('blinded_tag', 'is', null)
    .orderBy('registration_id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    registrationId: row.registration_id,
    epoch: row.epoch,
    position: row.position,
    blindIndex: row.blind_index,
  }));
}

/** Writes a tag unless the partner's kana or birth date has changed since: then it would be another person's. */
export async function writeTag(
  db: Db,
  { registrationId, epoch, position, blindIndex }: UntaggedPartner,
  tag: Buffer,
): Promise<void> {
  await db
    .updateTable('partner_index')
    .set({ blinded_tag: tag })
    .where('registration_id', '=', registrationId)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .where('blind_index', '=', blindIndex)
    .where('blinded_tag', 'is', null)
    .execute();
}
