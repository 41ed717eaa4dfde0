import { sha256 } from '../kernel/digest.ts';

/**
 * An append-only Merkle tree kept as its peaks: the roots of the perfect subtrees that the binary form of the size
 * names, largest first. Hashing as in RFC 9162 §2.1.1, so that its inclusion and consistency proofs apply.
 */
export type TreeHead = { readonly size: number; readonly peaks: readonly Buffer[] };

export const EMPTY_TREE: TreeHead = { size: 0, peaks: [] };

/** `SHA-256(0x00 || data)` (RFC 9162 §2.1.1). */
export function hashLeaf(data: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.of(0), data]));
}

function hashNode(left: Buffer, right: Buffer): Buffer {
  return sha256(Buffer.concat([Buffer.of(1), left, right]));
}

/** Adds one leaf: peaks of equal size merge from the right, as carries do in binary addition. */
export function appendLeaf(head: TreeHead, leafHash: Buffer): TreeHead {
  const peaks = [...head.peaks];
  let node = leafHash;
  for (let rest = head.size; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = peaks.pop();
    if (!left) throw new Error('tree head does not fit its size');
    node = hashNode(left, node);
  }
  return { size: head.size + 1, peaks: [...peaks, node] };
}

/** The root: peaks folded from the right; the hash of nothing for the empty tree. */
export function rootOf(head: TreeHead): Buffer {
  return head.peaks.length === 0
    ? sha256('')
    : head.peaks.reduceRight((right, left) => hashNode(left, right));
}

export function packPeaks(head: TreeHead): Buffer {
  return Buffer.concat(head.peaks);
}

/** @throws Error where the stored peaks cannot belong to a tree of this size */
export function unpackPeaks(size: number, packed: Buffer): TreeHead {
  const peaks = Array.from({ length: packed.length / 32 }, (_, at) => packed.subarray(at * 32, at * 32 + 32));
  const wanted = size.toString(2).replaceAll('0', '').length;
  if (packed.length % 32 !== 0 || peaks.length !== (size === 0 ? 0 : wanted))
    throw new Error('tree head does not fit its size');
  return { size, peaks };
}
