import { isUtf8 } from 'node:buffer';
import { Refusal } from '../kernel/refusal.ts';

export const ENCODINGS = ['utf-8', 'shift_jis'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** A text file as UTF-8, and how it came. */
export type DecodedFile = { readonly encoding: Encoding; readonly utf8: Uint8Array };

/**
 * Decodes the file strictly: a byte without a character is refused and never replaced, because it would be part of
 * somebody's name. Shift_JIS is what Windows calls so (Encoding Standard §12.3.2), with 髙 and 﨑, and with an authority's own
 * characters in the private use area.
 *
 * @param said what the sender says; where absent, UTF-8 if it is, else Shift_JIS
 * @throws Refusal `register_unreadable` with the row where it can be told
 */
export function decodeText(bytes: Uint8Array, said: Encoding | undefined): DecodedFile {
  // No text has this byte, but pictures and spreadsheets do; UTF-16 begins with its mark.
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16 || bytes.includes(0)) throw new Refusal('register_unreadable', { rule: 'not_text' });
  const candidates = said === undefined ? ENCODINGS : [said];
  const decoded = candidates.map((encoding) => decodeAs(bytes, encoding));
  const found = decoded.find((each) => 'utf8' in each);
  if (found && 'utf8' in found) return found;
  // The encoding that was right for longer is the likelier one.
  const row = Math.max(...decoded.map((each) => ('row' in each ? each.row : 0)));
  throw new Refusal('register_unreadable', { rule: 'characters_unknown', allowed: String(row) });
}

function decodeAs(bytes: Uint8Array, encoding: Encoding): DecodedFile | { readonly row: number } {
  switch (encoding) {
    case 'utf-8':
      if (!isUtf8(bytes)) return { row: firstFaultyRow(bytes, encoding) };
      return { encoding, utf8: withoutByteOrderMark(bytes) };
    case 'shift_jis':
      try {
        const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
        return { encoding, utf8: Buffer.from(text) };
      } catch {
        return { row: firstFaultyRow(bytes, encoding) };
      }
  }
}

function withoutByteOrderMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** Row by row: in neither encoding is a line feed part of another character. */
function firstFaultyRow(bytes: Uint8Array, encoding: Encoding): number {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let row = 1;
  for (let from = 0; from < bytes.length; row += 1) {
    const end = bytes.indexOf(0x0a, from);
    const to = end < 0 ? bytes.length : end + 1;
    try {
      decoder.decode(bytes.subarray(from, to));
    } catch {
      return row;
    }
    from = to;
  }
  return row;
}
