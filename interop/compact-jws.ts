import type { JsonObject } from '../src/kernel/strict-json.ts';

/** What a compact JWS says, its signature left alone. */
export function decodeCompactJws(text: string): {
  readonly header: JsonObject;
  readonly payload: JsonObject;
} {
  const [header = {}, payload = {}] = text
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as JsonObject);
  return { header, payload };
}
