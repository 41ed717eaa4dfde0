import { readFile, stat } from 'node:fs/promises';
import { isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { type PublicJwk, publicKeyFromJwk, thumbprint } from '../kernel/signing-key.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../kernel/strict-json.ts';
import { MEMBER_STATES, readMemberRecord, readNames } from './member-history.ts';
import type { AnchorMember } from './trust-anchor.ts';
import { TrustFault } from './trust-fault.ts';
import { readMembership } from './trust-mark.ts';

/** The members as they stand in the anchor's file: a JSON list, `jwks` as RFC 7517 §5 has it. */
export function membersJson(members: readonly AnchorMember[]): JsonValue {
  return members.map(({ keys, membership, ...member }) => ({
    ...member,
    jwks: { keys: keys.map((key) => ({ ...key })) },
    membership: { ...membership },
  })) as unknown as JsonValue;
}

/**
 * Reads the members' file. One faulty entry makes the whole file faulty: a list that is silently one member short
 * would take the agreement away from a city.
 *
 * @returns the members, or every fault by place, without repeating a value
 */
export function parseAnchorMembers(
  json: unknown,
): { readonly members: readonly AnchorMember[] } | { readonly faults: readonly string[] } {
  if (!Array.isArray(json)) return { faults: ['it is not a list of members'] };
  const faults: string[] = [];
  const members = json.flatMap((entry: unknown, at) => {
    const outcome = parseMember(entry);
    if ('member' in outcome) return [outcome.member];
    faults.push(...outcome.faults.map((fault) => `member ${at + 1}: ${fault}`));
    return [];
  });
  const present = members.filter(({ state }) => state === 'active' || state === 'suspended');
  if (hasTwice(members.map(({ entityId }) => entityId))) faults.push('two members have the same entityId');
  // who has moved or merged may have left its code to its successor
  if (hasTwice(present.map(({ code }) => code))) faults.push('two members have the same code');
  return faults.length > 0 ? { faults } : { members };
}

function hasTwice(texts: readonly string[]): boolean {
  return new Set(texts).size < texts.length;
}

const MEMBER_NAMES = ['entityId', 'code', 'jwks', 'membership', 'state'];
/** Written by `npm run anchor`, and the names by `npm run network`; nobody writes these by hand. */
const FURTHER_NAMES = ['further', 'intermediate', 'record', 'names'];

function parseMember(entry: unknown): { member: AnchorMember } | { faults: string[] } {
  const { entityId, code, jwks, membership, state } = (entry ?? {}) as JsonObject;
  const keys = publicKeysOf(jwks);
  const dates = membershipOf(membership);
  const more = furtherOf((entry ?? {}) as JsonObject);
  const surplus =
    !more || Object.keys(entry ?? {}).some((name) => ![...MEMBER_NAMES, ...FURTHER_NAMES].includes(name));
  const known = MEMBER_STATES.find((one) => one === state);
  if (
    isEntityId(entityId) &&
    typeof code === 'string' &&
    isAuthorityCode(code) &&
    keys.length > 0 &&
    dates &&
    known &&
    !surplus
  ) {
    return { member: { entityId, code, keys, membership: dates, state: known, ...more } };
  }
  const faults = [
    !isEntityId(entityId) && 'entityId is not an https address without trailing slash',
    !(typeof code === 'string' && isAuthorityCode(code)) && 'code is not a local-government code',
    keys.length === 0 && 'jwks is not a set of public P-256 keys',
    !dates && 'membership is not {"from": day, "to": day or absent}',
    !known && 'state is neither active nor suspended, left nor merged',
    surplus && `it has a member besides ${MEMBER_NAMES.join(', ')}`,
  ];
  return { faults: faults.filter((fault) => fault !== false) };
}

/** @returns undefined where one of them is not as `npm run anchor` writes it */
function furtherOf({
  further,
  intermediate,
  record,
  names,
}: JsonObject): Pick<AnchorMember, 'further' | 'intermediate' | 'record' | 'names'> | undefined {
  try {
    return {
      ...(further !== undefined && { further: agreementsOf(further) }),
      ...(intermediate !== undefined && { intermediate: boundsOf(intermediate) }),
      ...(record !== undefined && { record: readMemberRecord(isJsonObject(record) ? record : {}) }),
      ...(names !== undefined && { names: readNames(names) }),
    };
  } catch (error) {
    if (error instanceof TrustFault) return undefined;
    throw error;
  }
}

function agreementsOf(value: JsonValue): NonNullable<AnchorMember['further']> {
  if (!Array.isArray(value)) throw new TrustFault('membership_malformed');
  return value.map((entry) => {
    const agreement = isJsonObject(entry) ? entry.agreement : undefined;
    if (typeof agreement !== 'string' || !/^mutual-recognition\/[1-9]\d{0,2}$/.test(agreement))
      throw new TrustFault('membership_malformed', 'agreement');
    return { agreement, ...readMembership(entry) };
  });
}

function boundsOf(value: JsonValue): NonNullable<AnchorMember['intermediate']> {
  const { domains, codes } = isJsonObject(value) ? value : {};
  const texts = (list: JsonValue | undefined): string[] => {
    if (!Array.isArray(list) || list.length === 0 || !list.every((one) => typeof one === 'string'))
      throw new TrustFault('constraint_malformed');
    return list;
  };
  return { domains: texts(domains), codes: texts(codes).filter(isAuthorityCode) };
}

/** The P-256 signing keys of a JWK set in our own form; none where one of them is something else. */
export function publicKeysOf(jwks: unknown): readonly PublicJwk[] {
  const keys = (jwks as { keys?: unknown } | null | undefined)?.keys;
  if (!Array.isArray(keys) || !keys.every((jwk) => publicKeyFromJwk(jwk))) return [];
  return keys.map(({ x, y }: { x: string; y: string }) => {
    return { kty: 'EC', crv: 'P-256', x, y, kid: thumbprint({ x, y }), alg: 'ES256', use: 'sig' };
  });
}

function membershipOf(value: JsonValue | undefined) {
  try {
    return readMembership(value);
  } catch (error) {
    if (error instanceof TrustFault) return undefined;
    throw error;
  }
}

/**
 * The members' file as the running anchor sees it: read again when it changes, so that a member joins, leaves or is
 * suspended without a restart. A change that cannot be read leaves the last good list standing.
 */
export class AnchorMemberFile {
  readonly #path: string;
  readonly #onFault: (faults: readonly string[]) => void;
  #members: readonly AnchorMember[];
  #seen = '';

  constructor(path: string, members: readonly AnchorMember[], onFault: (faults: readonly string[]) => void) {
    this.#path = path;
    this.#members = members;
    this.#onFault = onFault;
  }

  async members(): Promise<readonly AnchorMember[]> {
    const mark = await markOf(this.#path);
    if (mark === this.#seen) return this.#members;
    this.#seen = mark;
    const outcome = await readMembers(this.#path);
    if ('members' in outcome) this.#members = outcome.members;
    else this.#onFault(outcome.faults);
    return this.#members;
  }
}

/** Whoever replaces the file by a rename gives it a new inode; whoever writes into it, a new time. */
async function markOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found ? `${found.ino} ${found.mtimeMs} ${found.size}` : 'missing';
}

async function readMembers(path: string): Promise<ReturnType<typeof parseAnchorMembers>> {
  try {
    return parseAnchorMembers(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return { faults: ['it is not a readable JSON file'] };
  }
}
