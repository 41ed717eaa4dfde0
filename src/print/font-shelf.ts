import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type FontFace, readFontFaces } from './font-coverage.ts';
import type { ShelvedFont } from './font-runs.ts';

/** The fonts that come with the program (SIL Open Font License 1.1), in the order in which they are tried. */
const OWN_FONTS = [
  '@expo-google-fonts/biz-udpmincho/400Regular/BIZUDPMincho_400Regular.ttf',
  '@expo-google-fonts/noto-serif-jp/400Regular/NotoSerifJP_400Regular.ttf',
  '@expo-google-fonts/biz-udpgothic/400Regular/BIZUDPGothic_400Regular.ttf',
];

const FONT_FILE = /\.(ttf|otf|ttc|otc)$/i;

export type FontShelf = {
  /** In the order in which they are tried; one regular face per family. The first is what texts are usually set in. */
  readonly fonts: readonly ShelvedFont[];
  /** For the typesetter, which reads the files itself. */
  readonly folders: readonly string[];
};

/**
 * Looks through the fonts that come with the program and those in an authority's own folders, subfolders included: fonts
 * with the rare characters of names (IPAmj明朝, 行政事務標準文字).
 *
 * @throws where a folder cannot be read: an authority that names one relies on it
 */
export async function openFontShelf(fontFolders: readonly string[]): Promise<FontShelf> {
  const { resolve } = createRequire(import.meta.url);
  const own = OWN_FONTS.map((path) => resolve(path));
  const theirs = await Promise.all(fontFolders.map(filesIn));
  const faces: FontFace[] = [];
  // One after the other: such a font may have 50 MB, of which only the table of characters is kept.
  for (const path of [...own, ...theirs.flat()]) faces.push(...readFontFaces(await readFile(path)));
  const regular = faces.filter(({ weight, isItalic }) => weight >= 350 && weight <= 450 && !isItalic);
  return {
    fonts: regular.filter((face, at) => regular.findIndex(({ family }) => family === face.family) === at),
    folders: [...own.map(dirname), ...fontFolders],
  };
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((entry) => FONT_FILE.test(entry))
    .toSorted()
    .map((entry) => join(folder, entry));
}
