import { join } from 'node:path';
import { NodeCompiler } from '@myriaddreamin/typst-ts-node-compiler';
import { openFontShelf } from './font-shelf.ts';
import type { PrintFaultCode } from './print-fault.ts';
import type { Sheet } from './sheet.ts';
import { fontsForSheet } from './sheet-fonts.ts';

/** What came of a sheet. Never a message of the typesetter's: those quote the text. */
export type Outcome =
  /** A PDF; of the template `name` a picture, SVG in UTF-8. */
  { readonly printed: Uint8Array } | { readonly fault: PrintFaultCode; readonly fields: readonly string[] };

export type Typesetter = (sheet: Sheet) => Outcome;

const TEMPLATES = join(import.meta.dirname, 'templates');
/** ISO 19005-3 level B, with tags: archivable, and a file may stand in it. Typst claims it and refuses what would break it. */
const STANDARD = 'a-3b';
/** Results of earlier sheets that are kept: those of fonts and templates help the next one. */
const KEPT_GENERATIONS = 5;

/**
 * Starts Typst with the fonts of these folders. It sets one sheet after the other and does not give memory back (about
 * 0.3 MB a sheet): it belongs into a process that ends before long.
 *
 * @throws where a font folder cannot be read
 */
export async function openTypesetter(fontFolders: readonly string[]): Promise<Typesetter> {
  const { fonts, folders } = await openFontShelf(fontFolders);
  const compiler = NodeCompiler.create({ workspace: TEMPLATES, fontArgs: [{ fontPaths: [...folders] }] });
  return (sheet) => {
    const set = fontsForSheet(sheet, fonts);
    if ('missing' in set) return { fault: 'glyphs_missing', fields: set.missing };
    try {
      handOver(compiler, sheet, set.words);
      return compile(compiler, sheet);
    } catch {
      return { fault: 'not_typeset', fields: [] };
    } finally {
      compiler.resetShadow();
      compiler.evictCache(KEPT_GENERATIONS);
    }
  };
}

/** As files that exist only in memory. A template reads them as data: nothing a couple typed is ever read as markup. */
function handOver(compiler: NodeCompiler, sheet: Sheet, words: unknown): void {
  const { settings, sealPng, attachment } = sheet;
  const { content, ...file } = attachment ?? { content: new Uint8Array() };
  const job = { words, settings, hasSeal: sealPng !== null, attachment: attachment ? file : null };
  compiler.mapShadow(join(TEMPLATES, 'job.json'), Buffer.from(JSON.stringify(job)));
  compiler.mapShadow(join(TEMPLATES, 'seal.png'), Buffer.from(sealPng ?? new Uint8Array()));
  compiler.mapShadow(join(TEMPLATES, 'attachment'), Buffer.from(content));
}

function compile(compiler: NodeCompiler, { template, pages }: Sheet): Outcome {
  const { result } = compiler.compile({
    mainFilePath: join(TEMPLATES, `${template}.typ`),
    resetRead: true,
  });
  if (!result) return { fault: 'not_typeset', fields: [] };
  if (pages !== null && result.numOfPages !== pages) return { fault: 'does_not_fit', fields: [] };
  if (template === 'name') return { printed: Buffer.from(compiler.plainSvg(result)) };
  return { printed: compiler.pdf(result, { pdfStandard: STANDARD }) };
}
