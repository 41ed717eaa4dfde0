import { ConfigFault } from './config.ts';
import { parseAnchorMembers } from './federation/anchor-members.ts';
import type { AnchorMember } from './federation/trust-anchor.ts';
import { type EntityId, isEntityId } from './kernel/authority.ts';
import { type PrivateJwk, type PublicJwk, type SigningKey, signingKeyFromJwk } from './kernel/signing-key.ts';

type Listening = { readonly host: string; readonly port: number; readonly logLevel: string };

/** All settings of the trust anchor's process: read once, passed by value. */
export type AnchorConfig = Listening & (KeylessAnchor | SigningAnchor);

/** It hands on what was signed elsewhere. */
type KeylessAnchor = { readonly publishedFolder: string };

type SigningAnchor = {
  readonly publishedFolder: undefined;
  readonly entityId: EntityId;
  readonly name: string;
  readonly signingKey: SigningKey;
  /** Published ahead of a change of keys, not signed with yet. */
  readonly nextKeys: readonly PublicJwk[];
  readonly membersFile: string;
  /** As they stood at the start; the file is read again when it changes. */
  readonly members: readonly AnchorMember[];
};

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'];
const NAME = 'パートナーシップ宣誓証明制度 自治体間連携';

/**
 * @param environment `process.env` or the like
 * @param readFile how to read a file; throws where it cannot
 * @throws ConfigFault that names every faulty or missing setting and never repeats a value
 */
export function readAnchorConfig(
  environment: { readonly [name: string]: string | undefined },
  readFile: (path: string) => string,
): AnchorConfig {
  const faults: string[] = [];
  const text = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const json = (name: string, what: string): unknown => {
    const path = text(name);
    if (path === undefined) faults.push(`${name} is missing: ${what}`);
    if (path === undefined) return undefined;
    try {
      return JSON.parse(readFile(path));
    } catch {
      faults.push(`${name} does not name a readable JSON file: ${what}`);
      return undefined;
    }
  };

  const portText = text('PORT') ?? '8080';
  if (!/^\d{1,5}$/.test(portText) || Number(portText) > 65_535) {
    faults.push('PORT is not a whole number from 0 to 65535');
  }
  const logLevel = text('LOG_LEVEL') ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) faults.push(`LOG_LEVEL is not one of ${LOG_LEVELS.join(', ')}`);
  const listening = { host: text('HOST') ?? '127.0.0.1', port: Number(portText), logLevel };
  const publishedFolder = text('CHIKAI_ANCHOR_PUBLISHED');
  const signing = publishedFolder === undefined ? readSigningAnchor({ text, json, faults }) : undefined;
  if (faults.length > 0) throw new ConfigFault(faults);
  if (publishedFolder !== undefined) return Object.freeze({ ...listening, publishedFolder });
  if (!signing) throw new ConfigFault(faults);
  return Object.freeze({ ...listening, ...signing });
}

function readSigningAnchor({
  text,
  json,
  faults,
}: {
  readonly text: (name: string) => string | undefined;
  readonly json: (name: string, what: string) => unknown;
  readonly faults: string[];
}): SigningAnchor | undefined {
  const entityId = text('CHIKAI_ANCHOR');
  if (entityId === undefined)
    faults.push('CHIKAI_ANCHOR is missing: an https address without trailing slash');
  else if (!isEntityId(entityId)) {
    faults.push('CHIKAI_ANCHOR is not an https address without trailing slash (http only on loopback)');
  }
  const keyFile = json('CHIKAI_ANCHOR_PRIVATE_KEYS_FILE', 'made by `npm run keys -- --anchor FILE`');
  const keys = keyFile === undefined ? undefined : readAnchorKeys(keyFile);
  if (keys && 'faults' in keys) {
    faults.push(...keys.faults.map((fault) => `CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: ${fault}`));
  }
  const memberFile = json('CHIKAI_MEMBERS_FILE', 'a JSON list of the members');
  const list = memberFile === undefined ? undefined : parseAnchorMembers(memberFile);
  if (list && 'faults' in list) faults.push(...list.faults.map((fault) => `CHIKAI_MEMBERS_FILE: ${fault}`));
  if (!keys || 'faults' in keys || !list || 'faults' in list) return undefined;
  return {
    publishedFolder: undefined,
    entityId: entityId as EntityId,
    name: text('CHIKAI_ANCHOR_NAME') ?? NAME,
    signingKey: keys.signingKey,
    nextKeys: keys.nextKeys,
    membersFile: text('CHIKAI_MEMBERS_FILE') ?? '',
    members: list.members,
  };
}

/** The anchor's key file: `federation`, a private P-256 JWK, and `next` where a change of keys is announced. */
export function readAnchorKeys(
  json: unknown,
):
  | { readonly signingKey: SigningKey; readonly nextKeys: readonly PublicJwk[] }
  | { readonly faults: readonly string[] } {
  const { federation, next, ...others } = (typeof json === 'object' && json ? json : {}) as Record<
    string,
    unknown
  >;
  const faults = Object.keys(others).length > 0 ? ['it has a member besides federation and next'] : [];
  const read = (name: string, jwk: unknown): SigningKey | undefined => {
    try {
      return signingKeyFromJwk(jwk as PrivateJwk);
    } catch {
      faults.push(`"${name}" is not a private P-256 JWK`);
      return undefined;
    }
  };
  const signingKey = read('federation', federation);
  const nextKey = next === undefined ? undefined : read('next', next);
  if (faults.length > 0 || !signingKey) return { faults };
  return { signingKey, nextKeys: nextKey ? [nextKey.publicJwk] : [] };
}
