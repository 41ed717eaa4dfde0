import type { Db, Trx } from '../db/transaction.ts';
import { equalDigest } from '../kernel/digest.ts';
import type { PartnerPosition } from '../kernel/role.ts';

/** Columns of what a partner has signed. `contentHash`: digest of the text that was signed. */
export type ProcedureSignature = {
  readonly position: PartnerPosition;
  readonly method: 'session' | 'counter';
  readonly evidenceSha256: string | null;
  readonly contentHash: Buffer;
  readonly signedAt: Date;
};

/** The signatures that hold, those under an earlier text left out. */
export async function findSignatures(
  db: Db | Trx,
  procedureId: string,
): Promise<readonly ProcedureSignature[]> {
  return (await findSignaturesOf(db, [procedureId])).get(procedureId) ?? [];
}

/** Those of each, in one reading. */
export async function findSignaturesOf(
  db: Db | Trx,
  procedureIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ProcedureSignature[]>> {
  if (procedureIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('procedure_signature')
    .select(['procedure_id', 'position', 'method', 'evidence_sha256', 'content_hash', 'signed_at'])
    .where('procedure_id', 'in', procedureIds)
    .where('superseded_at', 'is', null)
    .orderBy('position')
    .execute();
  const found = new Map<string, ProcedureSignature[]>();
  for (const row of rows) {
    const { procedure_id: id, position, method } = row;
    const signature = {
      position,
      method,
      evidenceSha256: row.evidence_sha256,
      contentHash: row.content_hash,
      signedAt: row.signed_at,
    };
    found.set(id, [...(found.get(id) ?? []), signature]);
  }
  return found;
}

/** Ends the signatures under any other text than this one. */
export async function supersedeSignatures(
  trx: Trx,
  procedureId: string,
  contentHash: Buffer,
  at: Date,
): Promise<void> {
  await trx
    .updateTable('procedure_signature')
    .set({ superseded_at: at })
    .where('procedure_id', '=', procedureId)
    .where('superseded_at', 'is', null)
    .where('content_hash', '!=', contentHash)
    .execute();
}

/** @returns false where this partner's signature under this text stands already */
export async function insertSignature(
  trx: Trx,
  procedureId: string,
  signature: ProcedureSignature,
): Promise<boolean> {
  const { position, contentHash } = signature;
  const earlier = await trx
    .selectFrom('procedure_signature')
    .select(['content_hash', 'signed_at', 'superseded_at'])
    .where('procedure_id', '=', procedureId)
    .where('position', '=', position)
    .orderBy('signed_at', 'desc')
    .execute();
  const living = earlier.find((row) => row.superseded_at === null);
  if (living && equalDigest(living.content_hash, contentHash)) return false;
  await supersedeSignatures(trx, procedureId, contentHash, signature.signedAt);
  // The time is part of the key: two signatures of one partner within one tick of the clock are two all the same.
  const last = earlier[0]?.signed_at.getTime() ?? 0;
  await trx
    .insertInto('procedure_signature')
    .values({
      procedure_id: procedureId,
      position,
      method: signature.method,
      evidence_sha256: signature.evidenceSha256,
      content_hash: contentHash,
      signed_at: new Date(Math.max(signature.signedAt.getTime(), last + 1)),
    })
    .execute();
  return true;
}
