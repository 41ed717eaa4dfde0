/** What a font can draw: characters, and characters in the form that a variation selector (IVS) asks for. */
export type FontCoverage = {
  readonly hasCharacter: (codePoint: number) => boolean;
  readonly hasVariant: (codePoint: number, selector: number) => boolean;
};

export type FontFace = {
  /** As Typst knows it: name 1 of the `name` table. */
  readonly family: string;
  /** 400 is regular (OS/2 usWeightClass). */
  readonly weight: number;
  readonly isItalic: boolean;
  readonly coverage: FontCoverage;
};

const LAST_CODE_POINT = 0x10ffff;
const COLLECTION = 0x74746366;
const WINDOWS = 3;
const ENGLISH = 0x409;
const FAMILY = 1;

/**
 * Reads the faces of a TrueType or OpenType file or collection, as far as it takes to know what they can draw
 * (OpenType 1.9: `cmap` formats 4, 12 and 14, `name`, `OS/2`).
 *
 * @returns nothing for a file that is no font, or a font of which this cannot be told
 */
export function readFontFaces(file: Buffer): FontFace[] {
  try {
    if (file.readUInt32BE(0) !== COLLECTION) return [readFace(file, 0)];
    return places(12, file.readUInt32BE(8), 4).map((at) => readFace(file, file.readUInt32BE(at)));
  } catch {
    // A read beyond the end: whatever this file is, nothing is printed with it.
    return [];
  }
}

function readFace(file: Buffer, start: number): FontFace {
  const tables = new Map(
    places(start + 12, file.readUInt16BE(start + 4), 16).map((at) => {
      const offset = file.readUInt32BE(at + 8);
      return [
        file.toString('latin1', at, at + 4),
        file.subarray(offset, offset + file.readUInt32BE(at + 12)),
      ];
    }),
  );
  const table = (tag: string) => tables.get(tag) ?? Buffer.alloc(0);
  return {
    family: readFamily(table('name')),
    weight: table('OS/2').readUInt16BE(4),
    isItalic: (table('OS/2').readUInt16BE(62) & 1) === 1,
    coverage: readCoverage(table('cmap')),
  };
}

function readFamily(name: Buffer): string {
  const texts = name.readUInt16BE(4);
  const found = places(6, name.readUInt16BE(2), 12).find(
    (at) =>
      name.readUInt16BE(at) === WINDOWS &&
      name.readUInt16BE(at + 4) === ENGLISH &&
      name.readUInt16BE(at + 6) === FAMILY,
  );
  if (found === undefined) throw new RangeError('no family name');
  const from = texts + name.readUInt16BE(found + 10);
  return Buffer.from(name.subarray(from, from + name.readUInt16BE(found + 8)))
    .swap16()
    .toString('utf16le');
}

/** Where the records of a list stand. */
function places(from: number, count: number, size: number): number[] {
  return Array.from({ length: count }, (_, nth) => from + size * nth);
}

function readCoverage(cmap: Buffer): FontCoverage {
  const characters = new Uint8Array(LAST_CODE_POINT + 1);
  const variants = new Map<number, Set<number>>();
  for (const at of places(4, cmap.readUInt16BE(2), 8)) {
    const table = cmap.subarray(cmap.readUInt32BE(at + 4));
    const format = table.readUInt16BE(0);
    if (format === 4) readSegments(table, characters);
    if (format === 12) readGroups(table, characters);
    if (format === 14) readVariants(table, variants);
  }
  return {
    hasCharacter: (codePoint) => characters[codePoint] === 1,
    hasVariant: (codePoint, selector) => variants.get(selector)?.has(codePoint) ?? false,
  };
}

/** Format 4: segments of the Basic Multilingual Plane; glyph 0 is the box of a missing glyph. */
function readSegments(table: Buffer, characters: Uint8Array): void {
  const doubled = table.readUInt16BE(6);
  for (let segment = 0; segment < doubled; segment += 2) {
    const last = table.readUInt16BE(14 + segment);
    const first = table.readUInt16BE(16 + doubled + segment);
    const delta = table.readUInt16BE(16 + 2 * doubled + segment);
    const rangeAt = 16 + 3 * doubled + segment;
    const range = table.readUInt16BE(rangeAt);
    for (let character = first; character <= last && character < 0xffff; character += 1) {
      const listed = range === 0 ? character : table.readUInt16BE(rangeAt + range + 2 * (character - first));
      if (listed !== 0 && ((listed + delta) & 0xffff) !== 0) characters[character] = 1;
    }
  }
}

/** Format 12: groups of characters whose glyphs follow one another. */
function readGroups(table: Buffer, characters: Uint8Array): void {
  const groups = table.readUInt32BE(12);
  for (let at = 16; at < 16 + 12 * groups; at += 12) {
    const [first, last, glyph] = [
      table.readUInt32BE(at),
      table.readUInt32BE(at + 4),
      table.readUInt32BE(at + 8),
    ];
    for (let character = first; character <= Math.min(last, LAST_CODE_POINT); character += 1)
      if (glyph + character - first !== 0) characters[character] = 1;
  }
}

/** Format 14: per selector, ranges that look as without it (default), and characters with a glyph of their own. */
function readVariants(table: Buffer, variants: Map<number, Set<number>>): void {
  const selectors = table.readUInt32BE(6);
  for (let at = 10; at < 10 + 11 * selectors; at += 11) {
    const characters = new Set<number>();
    const [usual, own] = [table.readUInt32BE(at + 3), table.readUInt32BE(at + 7)];
    if (usual !== 0) {
      const end = usual + 4 + 4 * table.readUInt32BE(usual);
      for (let range = usual + 4; range < end; range += 4)
        for (let more = 0; more <= table.readUInt8(range + 3); more += 1)
          characters.add(table.readUIntBE(range, 3) + more);
    }
    if (own !== 0) {
      const end = own + 4 + 5 * table.readUInt32BE(own);
      for (let one = own + 4; one < end; one += 5) characters.add(table.readUIntBE(one, 3));
    }
    variants.set(table.readUIntBE(at, 3), characters);
  }
}
