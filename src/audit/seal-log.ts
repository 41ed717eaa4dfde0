import { createPublicKey } from 'node:crypto';
import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { parseCompactJws, signCompactJws, verifySignature } from '../kernel/compact-jws.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { leafHashOf } from './audit-event.ts';
import { appendLeaf, EMPTY_TREE, packPeaks, rootOf, type TreeHead, unpackPeaks } from './merkle-tree.ts';

const CHECKPOINT_TYP = 'oath-checkpoint+jwt';
/** How many events one transaction puts into the tree. */
const AT_ONCE = 5000;
/** Any constant: one sealer at a time per database. */
const SEAL_LOCK = 7_305_011;

export type LogSigner = { readonly issuer: string; readonly key: SigningKey };

/**
 * Puts every event that is not yet in the tree into it and signs the new head, a head for each `atOnce` of them: work by
 * the thousand writes more between two runs than one transaction should hold. Run every few seconds by one of the
 * authority's processes; an event that commits late is sealed by the next run, so no event is ever left out.
 *
 * @returns how many events were sealed
 */
export async function sealLog(
  db: Db,
  clock: Clock,
  signer: LogSigner,
  { atOnce = AT_ONCE }: { readonly atOnce?: number } = {},
): Promise<number> {
  let total = 0;
  for (;;) {
    const sealed = await sealSome(db, clock, signer, atOnce);
    total += sealed;
    if (sealed < atOnce) return total;
  }
}

async function sealSome(db: Db, clock: Clock, signer: LogSigner, limit: number): Promise<number> {
  return inTransaction(db, async (trx) => {
    await sql`select pg_advisory_xact_lock(${SEAL_LOCK})`.execute(trx);
    const last = await readHead(trx);
    const fresh = await trx
      .selectFrom('audit_event as e')
      .select(['e.sequence', 'e.leaf_hash'])
      .where((where) =>
        where.not(
          where.exists(
            where
              .selectFrom('audit_leaf as l')
              .select('l.sequence')
              .whereRef('l.sequence', '=', 'e.sequence'),
          ),
        ),
      )
      .orderBy('e.sequence')
      .limit(limit)
      .execute();
    if (fresh.length === 0) return 0;
    let head = last;
    for (const event of fresh) head = appendLeaf(head, event.leaf_hash);
    await trx
      .insertInto('audit_leaf')
      .values(fresh.map((event, at) => ({ leaf_index: last.size + at, sequence: event.sequence })))
      .execute();
    const at = clock();
    await trx
      .insertInto('audit_checkpoint')
      .values({
        tree_size: head.size,
        root_hash: rootOf(head),
        peaks: packPeaks(head),
        sealed_at: at,
        token: await signHead(head, at, signer),
      })
      .execute();
    return fresh.length;
  });
}

async function readHead(trx: Trx): Promise<TreeHead> {
  const row = await trx
    .selectFrom('audit_checkpoint')
    .select(['tree_size', 'peaks'])
    .orderBy('tree_size', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? unpackPeaks(row.tree_size, row.peaks) : EMPTY_TREE;
}

function signHead(head: TreeHead, at: Date, { issuer, key }: LogSigner): Promise<string> {
  return signCompactJws(
    { typ: CHECKPOINT_TYP, kid: key.kid },
    {
      iss: issuer,
      iat: epochSeconds(at),
      tree_size: head.size,
      root_hash: rootOf(head).toString('base64url'),
    },
    key.privateKey,
  );
}

export type Integrity = {
  readonly intact: boolean;
  readonly sealedEvents: number;
  readonly unsealedEvents: number;
  readonly rootHash?: string;
  readonly checkpoint?: string;
  readonly firstBroken?: number;
};

/**
 * Reads the whole log again: each event against its leaf, all leaves against the last signed head, and the head's
 * signature. Streams in pages, so memory does not grow with the log.
 */
export async function checkLog(db: Db, { issuer, key }: LogSigner): Promise<Integrity> {
  const last = await db
    .selectFrom('audit_checkpoint')
    .select(['tree_size', 'root_hash', 'token'])
    .orderBy('tree_size', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { head, firstBroken } = await rebuildTree(db, last?.tree_size ?? 0);
  const { total } = await db
    .selectFrom('audit_event')
    .select((of) => of.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  const counts = { sealedEvents: head.size, unsealedEvents: Number(total) - head.size };
  if (!last) return { intact: firstBroken === undefined, ...counts };
  const intact =
    firstBroken === undefined &&
    head.size === last.tree_size &&
    rootOf(head).equals(last.root_hash) &&
    (await isSignedHead(last.token, last.tree_size, last.root_hash, issuer, key));
  return {
    intact,
    ...counts,
    rootHash: rootOf(head).toString('base64url'),
    checkpoint: last.token,
    ...(firstBroken === undefined ? {} : { firstBroken }),
  };
}

async function isSignedHead(
  token: string,
  size: number,
  root: Buffer,
  issuer: string,
  key: SigningKey,
): Promise<boolean> {
  try {
    const jws = parseCompactJws(token, { typ: CHECKPOINT_TYP, maxLength: 2000, requiredHeader: ['kid'] });
    await verifySignature(jws, createPublicKey(key.privateKey));
    return (
      jws.claims.iss === issuer &&
      jws.claims.tree_size === size &&
      jws.claims.root_hash === root.toString('base64url')
    );
  } catch {
    return false;
  }
}

async function rebuildTree(db: Db, size: number): Promise<{ head: TreeHead; firstBroken?: number }> {
  let head = EMPTY_TREE;
  let firstBroken: number | undefined;
  while (head.size < size) {
    const rows = await db
      .selectFrom('audit_leaf as l')
      .innerJoin('audit_event as e', 'e.sequence', 'l.sequence')
      .select([
        'l.leaf_index',
        'e.sequence',
        'e.at',
        'e.type',
        'e.actor_kind',
        'e.actor_role',
        'e.actor_subject',
      ])
      .select([
        'e.record_kind',
        'e.record_id',
        'e.position',
        'e.purpose',
        'e.outcome',
        'e.visibility',
        'e.facts',
        'e.salt',
        'e.leaf_hash',
      ])
      .where('l.leaf_index', '>=', head.size)
      .where('l.leaf_index', '<', size)
      .orderBy('l.leaf_index')
      .limit(2000)
      .execute();
    if (rows.length === 0) break;
    for (const row of rows) {
      if (row.leaf_index !== head.size) return { head, firstBroken: firstBroken ?? row.sequence };
      const leaf = leafHashOf({
        at: row.at,
        type: row.type,
        actorKind: row.actor_kind,
        actorRole: row.actor_role,
        actorSubject: row.actor_subject,
        recordKind: row.record_kind,
        recordId: row.record_id,
        position: row.position,
        purpose: row.purpose,
        outcome: row.outcome,
        visibility: row.visibility,
        facts: row.facts,
        salt: row.salt,
      });
      if (!leaf.equals(row.leaf_hash)) firstBroken ??= row.sequence;
      head = appendLeaf(head, leaf);
    }
  }
  return firstBroken === undefined ? { head } : { head, firstBroken };
}
