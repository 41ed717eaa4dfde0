import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Db } from '../db/transaction.ts';
import { readPartners } from '../registry/registration-store.ts';
import type { Vault } from '../registry/vault.ts';
import { findUntagged, type UntaggedPartner, writeTag } from './blinded-store.ts';
import { TAG_BYTES, type TagKey, tagKeyOf, tagOf } from './blinded-tag.ts';

export type TaggingDeps = { readonly db: Db; readonly vault: Vault };

/** Milliseconds after each tag, about as long as one takes: tens of thousands after an import leave half the processor. */
const BREATH_MS = 2;

/**
 * Gives partners their tags (RFC 9497) some time after their registration was written: the curve is too slow for the
 * transaction of an oath. Any number of processes may do it at once; a tag is the same whoever computes it.
 *
 * @returns how many got one; fewer than `limit` where none is left
 * @throws whatever kept one of them from being read, after the others have got theirs
 */
export async function tagPartners(deps: TaggingDeps, limit: number): Promise<number> {
  const untagged = await findUntagged(deps.db, limit);
  if (untagged.length === 0) return 0;
  const key = tagKeyOf(deps.vault.blindIndex);
  const faults: unknown[] = [];
  let tagged = 0;
  for (const partner of untagged) {
    try {
      await writeTag(deps.db, partner, await computeTag(deps, key, partner));
      tagged += 1;
    } catch (fault) {
      faults.push(fault);
    }
    await pause(BREATH_MS);
  }
  if (faults.length > 0) throw faults[0];
  return tagged;
}

async function computeTag(
  { db, vault }: TaggingDeps,
  key: TagKey,
  { registrationId, epoch, position }: UntaggedPartner,
): Promise<Buffer> {
  const partners = await readPartners(db, vault, { id: registrationId, epoch });
  // Erased: nobody can be found by it any more, and a list that waited for it would never be complete.
  return partners ? tagOf(key, partners[position]) : randomBytes(TAG_BYTES);
}
