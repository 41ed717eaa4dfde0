import { sql } from 'kysely';
import type { RevocationReason } from '../certificate/issuer-key.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { PublicJwk } from '../kernel/signing-key.ts';
import type { KeyPurpose, PastMemberKey } from './past-keys.ts';

export type StoredPastKey = PastMemberKey & { readonly entityId: EntityId };

export async function loadPastKeys(db: Db | Trx): Promise<StoredPastKey[]> {
  const rows = await db
    .selectFrom('member_past_key')
    .select(['entity_id', 'thumbprint', 'purpose', 'jwk', 'ended_at', 'reason'])
    .execute();
  return rows.map((row) => ({
    entityId: row.entity_id as EntityId,
    thumbprint: row.thumbprint,
    purpose: row.purpose as KeyPurpose,
    jwk: row.jwk as PublicJwk,
    endedAt: Math.floor(row.ended_at.getTime() / 1000),
    reason: (row.reason as RevocationReason | null) ?? undefined,
  }));
}

/** Keeps what is told of a key. What was given up is never taken back, and the earliest end told is the one that counts. */
export async function savePastKey(db: Db | Trx, key: StoredPastKey, learnedAt: Date): Promise<void> {
  const values = { ended_at: new Date(key.endedAt * 1000), reason: key.reason ?? null };
  await db
    .insertInto('member_past_key')
    .values({
      entity_id: key.entityId,
      thumbprint: key.thumbprint,
      purpose: key.purpose,
      jwk: JSON.stringify(key.jwk),
      learned_at: learnedAt,
      ...values,
    })
    .onConflict((conflict) =>
      conflict.columns(['entity_id', 'thumbprint']).doUpdateSet({
        ended_at: sql`least(member_past_key.ended_at, excluded.ended_at)`,
        // Decided by whoever took it: superseded gives way to a reason that trusts the key less, and never back.
        reason: sql`case when member_past_key.reason in ('compromised', 'unspecified') then member_past_key.reason
          else coalesce(excluded.reason, member_past_key.reason) end`,
      }),
    )
    .execute();
}
