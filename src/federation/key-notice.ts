import type { EntityId } from '../kernel/authority.ts';
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

/** Who says it is theirs; only the signature decides. @returns undefined where the text names nobody */
export function unverifiedIssuer({ historicalKeys }: KeyNotice): unknown {
  try {
    const payload = Buffer.from(historicalKeys.split('.')[1] ?? '', 'base64url').toString('utf8');
    return (JSON.parse(payload) as { iss?: unknown } | null)?.iss;
  } catch {
    return undefined;
  }
}

/** Where an authority takes notices: a path of the contract, on the host that its chain has bound it to. */
export function keyNoticeEndpoint(entityId: EntityId): string {
  return `${entityId}/federation/key-notices`;
}

/**
 * Tells every member once what this authority's keys are now, and goes on with those that did not hear it. Which
 * member has heard what is kept in memory: after a restart all are told again, and nothing changes by it.
 */
export class KeyNoticeBoard {
  readonly #client: PeerClient;
  readonly #heard = new Map<EntityId, string>();

  constructor(client: PeerClient) {
    this.#client = client;
  }

  /** @returns how many have not heard it yet */
  async tell(to: readonly EntityId[], notice: Required<KeyNotice>, fingerprint: string): Promise<number> {
    const waiting = to.filter((entityId) => this.#heard.get(entityId) !== fingerprint);
    const body = JSON.stringify(notice);
    const told = await Promise.all(
      waiting.map(async (entityId) => {
        const url = keyNoticeEndpoint(entityId);
        const answer = await this.#client.post(url, {
          contentType: 'application/json',
          body,
          maxBytes: 10_000,
        });
        const isHeard = answer.kind === 'answered' && answer.status === 204;
        if (isHeard) this.#heard.set(entityId, fingerprint);
        return isHeard;
      }),
    );
    return told.filter((isHeard) => !isHeard).length;
  }
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
