import { inflateRawSync } from 'node:zlib';
import { Refusal } from '../kernel/refusal.ts';

/** One file in a zip archive as its central directory tells (APPNOTE.TXT §4.3.12). */
export type ArchiveEntry = {
  readonly name: string;
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly at: number;
};

const MAX_BYTES = 200_000_000;
const MAX_ENTRIES = 2_000;
const [END, CENTRAL, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
const END_BYTES = 22;
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads an archive's directory before anything is inflated: a small file may say that it becomes a very large one.
 *
 * @throws Refusal `register_unreadable`: no archive, encrypted, or more than 200 MB once unpacked
 */
export function readArchive(bytes: Buffer): readonly ArchiveEntry[] {
  const end = bytes.lastIndexOf(Buffer.of(0x50, 0x4b, 5, 6));
  if (end < 0 || end + END_BYTES > bytes.length || bytes.readUInt32LE(end) !== END) throw notXlsx();
  const count = bytes.readUInt16LE(end + 10);
  if (count > MAX_ENTRIES) throw tooLarge();
  const entries: ArchiveEntry[] = [];
  let total = 0;
  for (let at = bytes.readUInt32LE(end + 16); entries.length < count; ) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL) throw notXlsx();
    const nameBytes = bytes.readUInt16LE(at + 28);
    const encrypted = (bytes.readUInt16LE(at + 8) & 1) === 1;
    const entry = {
      name: bytes.toString('utf8', at + 46, at + 46 + nameBytes),
      method: bytes.readUInt16LE(at + 10),
      packedBytes: bytes.readUInt32LE(at + 20),
      bytes: bytes.readUInt32LE(at + 24),
      at: bytes.readUInt32LE(at + 42),
    };
    if (encrypted || (entry.method !== STORED && entry.method !== DEFLATED)) throw notXlsx();
    total += entry.bytes;
    if (total > MAX_BYTES) throw tooLarge();
    entries.push(entry);
    at += 46 + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/** @throws Refusal `register_unreadable` where the entry is not as long as the directory says */
export function unpack(bytes: Buffer, entry: ArchiveEntry): Buffer {
  if (entry.at + 30 > bytes.length || bytes.readUInt32LE(entry.at) !== LOCAL) throw notXlsx();
  const from = entry.at + 30 + bytes.readUInt16LE(entry.at + 26) + bytes.readUInt16LE(entry.at + 28);
  const packed = bytes.subarray(from, from + entry.packedBytes);
  if (entry.method === STORED) return packed;
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(entry.bytes, 1) });
  } catch {
    throw notXlsx();
  }
}

export function notXlsx(): Refusal {
  return new Refusal('register_unreadable', { rule: 'not_xlsx' });
}

export function tooLarge(): Refusal {
  return new Refusal('register_unreadable', { rule: 'xlsx_too_large' });
}
