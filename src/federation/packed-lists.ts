import type { StatusList } from '../certificate/status-list.ts';
import { packZlib, unpackOwn } from '../kernel/zlib.ts';

/** As zlib: most entries of a list are zero, and 1,800 lists as they are would take 30 MB. */
export type PackedList = { readonly bits: StatusList['bits']; readonly packed: Uint8Array };

export function packList({ bits, bytes }: StatusList): PackedList {
  return { bits, packed: packZlib(bytes, 1) };
}

/** Lists that were looked into last stay unpacked: whoever is asked about one city is asked about it again. */
export class PackedLists {
  readonly #kept = new Map<PackedList, StatusList>();
  readonly #atMost: number;

  constructor(atMost = 256) {
    this.#atMost = atMost;
  }

  read(list: PackedList): StatusList {
    const unpacked = this.#kept.get(list) ?? { bits: list.bits, bytes: unpackOwn(list.packed) };
    this.#kept.delete(list);
    this.#kept.set(list, unpacked);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#atMost && oldest) this.#kept.delete(oldest);
    return unpacked;
  }
}
