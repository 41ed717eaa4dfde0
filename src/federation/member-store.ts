import type { Db, Trx } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Member } from './authority-metadata.ts';
import type { MembershipPeriod } from './trust-mark.ts';

const PAGE = 50;

/** A member as kept: the statements themselves, so that a restart believes nothing but signatures. */
export type StoredMember = {
  readonly entityId: EntityId;
  readonly statements: readonly string[];
  readonly verifiedAt: Date;
  readonly memberships: readonly MembershipPeriod[];
};

/** A few at a time: the chains of 1,800 members together are larger than all that is kept of them in memory. */
export async function* loadMembers(db: Db | Trx): AsyncGenerator<StoredMember> {
  for (let after = ''; ; ) {
    const rows = await db
      .selectFrom('member')
      .select(['entity_id', 'statements', 'verified_at', 'memberships'])
      .where('entity_id', '>', after)
      .orderBy('entity_id')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      after = row.entity_id;
      yield {
        entityId: row.entity_id as EntityId,
        statements: row.statements as string[],
        verifiedAt: row.verified_at,
        memberships: row.memberships as MembershipPeriod[],
      };
    }
    if (rows.length < PAGE) return;
  }
}

/** The chain that was last verified, as received. */
export async function findStatements(
  db: Db | Trx,
  entityId: EntityId,
): Promise<readonly string[] | undefined> {
  const row = await db
    .selectFrom('member')
    .select('statements')
    .where('entity_id', '=', entityId)
    .executeTakeFirst();
  return row?.statements as string[] | undefined;
}

export async function saveMember(db: Db | Trx, member: Member, statements: readonly string[]): Promise<void> {
  const values = {
    code: member.code,
    statements: JSON.stringify(statements),
    verified_at: new Date(member.verifiedAt * 1000),
    expires_at: new Date(member.expiresAt * 1000),
    memberships: JSON.stringify(member.memberships),
  };
  await db
    .insertInto('member')
    .values({ entity_id: member.entityId, ...values })
    .onConflict((conflict) => conflict.column('entity_id').doUpdateSet(values))
    .execute();
}

export type StoredStatusList = { readonly uri: string; readonly token: string; readonly fetchedAt: Date };

export async function loadStatusLists(db: Db | Trx): Promise<StoredStatusList[]> {
  const rows = await db.selectFrom('member_status_list').select(['uri', 'token', 'fetched_at']).execute();
  return rows.map((row) => ({ uri: row.uri, token: row.token, fetchedAt: row.fetched_at }));
}

/** Keeps a list unless a newer one is held already: an old list must never bring a refused certificate back. */
export async function saveStatusList(
  db: Db | Trx,
  list: {
    readonly uri: string;
    readonly entityId: EntityId;
    readonly token: string;
    readonly issuedAt: number;
    readonly expiresAt: number;
    readonly fetchedAt: Date;
  },
): Promise<void> {
  const values = {
    token: list.token,
    issued_at: new Date(list.issuedAt * 1000),
    expires_at: new Date(list.expiresAt * 1000),
    fetched_at: list.fetchedAt,
  };
  await db
    .insertInto('member_status_list')
    .values({ uri: list.uri, entity_id: list.entityId, ...values })
    .onConflict((conflict) =>
      conflict
        .column('uri')
        .doUpdateSet(values)
        .where('member_status_list.issued_at', '<=', values.issued_at),
    )
    .execute();
}
