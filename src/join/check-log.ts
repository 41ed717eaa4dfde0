import { failed, type Outcome, passed } from './finding.ts';
import { REHEARSAL_NAMES } from './neighbour.ts';

/** Parts of a signed text (JWS, SD-JWT, JWE): long runs of base64url, with or without the dots between. */
const TOKEN = /eyJ[\w-]{20,}/;
/** What never stands in a line, whatever the member is called. */
const TELLING = ['authorization', 'birth', 'certificate_number', '予行第', ...REHEARSAL_NAMES];

/**
 * Reads what a node has written while certificates were shown to it and messages came: one JSON object a line, and
 * nothing that names a person or could be shown as a certificate.
 */
export function logOutcome(lines: readonly string[]): Outcome {
  if (lines.length === 0) return failed('log_malformed', 'no line');
  for (const [at, line] of lines.entries()) {
    if (!isObject(line)) return failed('log_malformed', `line ${at + 1}`);
    const told = TOKEN.test(line) ? 'a token' : TELLING.find((text) => line.includes(text));
    if (told !== undefined) return failed('log_tells', `line ${at + 1}: ${told}`);
  }
  return passed;
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
