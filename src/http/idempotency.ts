import { canonicalJson } from '../kernel/canonical-json.ts';
import { sha256 } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';

/** What makes a repeated command recognisable (draft-ietf-httpapi-idempotency-key-header). */
export type Idempotency = {
  /** 8–128 visible ASCII characters, chosen by the caller. */
  readonly key: string;
  /** SHA-256 over operation, path and body: the same key with another of these is another command. */
  readonly requestHash: Buffer;
};

const KEY = /^[!-~]{8,128}$/;

/** @throws Refusal idempotency_key_missing where the header is absent or not 8–128 visible ASCII characters */
export function idempotencyKeyOf(header: string | string[] | undefined): string {
  if (typeof header !== 'string' || !KEY.test(header)) throw new Refusal('idempotency_key_missing', {});
  return header;
}

export function requestHashOf(request: { operationId: string; params: unknown; body: unknown }): Buffer {
  return sha256(canonicalJson(request));
}
