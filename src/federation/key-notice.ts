import type { EntityId } from '../kernel/authority.ts';
import { unverifiedClaims } from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { HISTORICAL_KEYS_MEDIA_TYPE } from './historical-keys.ts';
import { MAX_HISTORY_LENGTH } from './past-keys.ts';
import type { PeerClient } from './peer-client.ts';

/**
 * What an authority tells the others when its keys change: the signed keys of its past, and its fresh entity
 * configuration. Both are whole and signed, so that whoever takes them need not fetch anything: a stranger's notice
 * costs one signature check and leads nowhere.
 */
export type KeyNotice = { readonly historicalKeys: string; readonly configuration?: string };

/** Who says it is theirs; only the signature decides. */
export function unverifiedIssuer({ historicalKeys }: KeyNotice): unknown {
  return unverifiedClaims(historicalKeys).iss;
}

/** Where an authority takes notices: a path of the contract, on the host that its chain has bound it to. */
export function keyNoticeEndpoint(entityId: EntityId): string {
  return `${entityId}/federation/key-notices`;
}

/** @returns whether this member has taken the notice */
export async function postKeyNotice(client: PeerClient, entityId: EntityId, body: string): Promise<boolean> {
  const answer = await client.post(keyNoticeEndpoint(entityId), {
    contentType: 'application/json',
    body,
    maxBytes: 10_000,
  });
  return answer.kind === 'answered' && answer.status === 204;
}

/** The same for the same keys, however often they are signed. */
export function fingerprintOf(pastTag: string, kids: readonly string[]): string {
  return sha256Base64url(JSON.stringify([pastTag, ...kids]));
}

/** Reads what a member tells of its past keys; `etag` of the last time spares both sides the same answer. */
export async function fetchHistoricalKeys(
  client: PeerClient,
  url: string,
  etag: string | undefined,
): Promise<{ readonly text: string; readonly etag: string | undefined } | undefined> {
  const answer = await client.get(url, {
    accept: HISTORICAL_KEYS_MEDIA_TYPE,
    etag,
    maxBytes: MAX_HISTORY_LENGTH,
  });
  if (answer.kind === 'unreachable' || answer.status !== 200) return undefined;
  return { text: answer.text, etag: answer.etag ?? undefined };
}
