import { randomInt } from 'node:crypto';
import type { RecordRef } from '../audit/audit-event.ts';
import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition, PartnerScope } from '../kernel/role.ts';

/** No I, L, O, U: what is read from paper or said aloud must not be mistaken (Crockford's base 32). */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 12;
const VALID_DAYS = 14;

export type CodeDeps = { readonly db: Db; readonly clock: Clock };

/**
 * Makes a one-time code of 60 random bits for one partner of one record. Only its hash is kept; an earlier unused code
 * of the same partner ends.
 */
export async function createLoginCode(
  { db, clock }: CodeDeps,
  actor: Actor,
  scope: PartnerScope,
  identityCheckedBy: string,
): Promise<{ readonly code: string; readonly expiresAt: Date }> {
  const code = Array.from({ length: LENGTH }, () => DIGITS[randomInt(32)]).join('');
  const now = clock();
  const expiresAt = new Date(now.getTime() + VALID_DAYS * 86_400_000);
  const { record, position } = scope;
  await inTransaction(db, async (trx) => {
    await trx
      .updateTable('login_code')
      .set({ expires_at: now })
      .where('record_kind', '=', record.kind)
      .where('record_id', '=', record.id)
      .where('position', '=', position)
      .where('used_at', 'is', null)
      .where('expires_at', '>', now)
      .execute();
    await trx
      .insertInto('login_code')
      .values({
        code_hash: sha256(code),
        record_kind: record.kind,
        record_id: record.id,
        position,
        expires_at: expiresAt,
      })
      .execute();
    await appendEvent(trx, clock, {
      type: 'login_code_created',
      actor,
      record: record as RecordRef,
      position,
      visibility: 'acting',
      facts: { identityCheckedBy },
    });
  });
  return { code: (code.match(/.{4}/g) ?? []).join('-'), expiresAt };
}

/**
 * Uses a code up. Hyphens, spaces and case do not matter, and O, I and L are read as the digits they look like.
 *
 * @throws Refusal `login_code_invalid`, the same for a code that is wrong, used or expired
 */
export async function redeemLoginCode(
  { db, clock }: CodeDeps,
  text: string,
): Promise<Extract<Actor, { kind: 'partner' }>> {
  const code = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return inTransaction(db, async (trx) => {
    const now = clock();
    const row = await trx
      .updateTable('login_code')
      .set({ used_at: now })
      .where('code_hash', '=', sha256(code))
      .where('used_at', 'is', null)
      .where('expires_at', '>', now)
      .returning(['record_kind', 'record_id', 'position'])
      .executeTakeFirst();
    if (!row) throw new Refusal('login_code_invalid', {});
    const record = { kind: row.record_kind, id: row.record_id };
    const actor = partnerOf({ record, position: row.position });
    await appendEvent(trx, clock, {
      type: 'session_created',
      actor,
      record,
      visibility: 'acting',
      facts: {},
    });
    return actor;
  });
}

/** The pseudonym of a partner: the record and the position, nothing about the person. */
function partnerOf(scope: {
  record: PartnerScope['record'];
  position: PartnerPosition;
}): Extract<Actor, { kind: 'partner' }> {
  return { kind: 'partner', role: 'partner', subject: `partner:${scope.record.id}:${scope.position}`, scope };
}
