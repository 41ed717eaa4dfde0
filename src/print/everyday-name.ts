/** Lead bytes of the rows of JIS X 0208 in Shift_JIS, without the rows that makers added (13 and 89 to 115). */
const LEADS = [0x81, 0x82, 0x83, 0x84, ...between(0x88, 0x9f), ...between(0xe0, 0xea)];
const TRAILS = [...between(0x40, 0x7e), ...between(0x80, 0xfc)];

let everyday: ReadonlySet<string> | undefined;

/**
 * Whether any font for Japanese draws a name rightly: letters of ASCII, and characters of JIS X 0208. Beyond it fonts have
 * gaps, and of a character with a variation selector many draw the plain form without a word.
 */
export function isEverydayName(name: string): boolean {
  everyday ??= charactersOfJis();
  return Array.from(name).every((character) => character < '\u007f' || everyday?.has(character));
}

/** Read off the decoder that each runtime has, rather than a table of 6,879 characters of our own. */
function charactersOfJis(): ReadonlySet<string> {
  const decoder = new TextDecoder('shift_jis');
  const bytes = Uint8Array.from(LEADS.flatMap((lead) => TRAILS.flatMap((trail) => [lead, trail])));
  return new Set(decoder.decode(bytes).replaceAll(/[\ufffd\u0000-\u007f]/g, ''));
}

function between(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
