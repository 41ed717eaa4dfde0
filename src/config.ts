import { leafKey } from './certificate/signing-certificate.ts';
import { type AuthorityCode, type EntityId, isAuthorityCode, isEntityId } from './kernel/authority.ts';
import { type PublicJwk, publicKeyFromJwk, type SigningKey, thumbprint } from './kernel/signing-key.ts';
import { type KeyRing, keyFileOwner, readKeyRing } from './key-ring.ts';

/** All settings of one authority's process: read once, passed by value, never changed. */
export type Config = {
  readonly authority: AuthorityCode;
  /** Entity identifier and issuer URL, e.g. `https://oath.city.example.lg.jp`. */
  readonly issuer: EntityId;
  readonly anchor: EntityId;
  /** The anchor's keys as handed over out of band. Nothing the anchor serves is believed without one of them. */
  readonly anchorKeys: readonly PublicJwk[];
  /** Who vouches for this authority, where that is an intermediate (a prefecture) and not the anchor. */
  readonly superior?: EntityId | undefined;
  readonly keys: KeyRing;
  /** X.509 chains of our keys, for wallets and PDF readers, which know nothing else. */
  readonly x5c: Chains;
  readonly databaseUrl: string;
  /** Owner's connection; where present, migrations run at start. */
  readonly migrationDatabaseUrl: string | undefined;
  readonly databasePoolSize: number;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  readonly certificateValidityDays: number;
  /** Seconds a status list may be old before a verdict that rests on it is `undetermined`. */
  readonly statusMaxAgeSeconds: number;
  /** Seconds since its last proof for which a member's trust chain is believed while it cannot be renewed. */
  readonly trustMaxAgeSeconds: number;
  /** Seconds between two looks at each member's list; pushes come in between. */
  readonly statusRefreshSeconds: number;
  readonly trustRefreshSeconds: number;
  readonly sessionHours: number;
  /** Folders with fonts for rare characters, besides those that come with the program. */
  readonly fontFolders: readonly string[];
  /** PNG of the seal that is printed; undefined: a place for one that is set by hand. */
  readonly sealImageFile: string | undefined;
  /** Who signs for the authority on paper; undefined: the authority's name alone. */
  readonly paperHead: { readonly title: string; readonly name: string | null } | undefined;
};

/** Base64 DER, leaf first, by the key that the leaf certifies; empty where there is none. */
export type Chains = {
  readonly certificate: readonly string[];
  readonly presentation: readonly string[];
  readonly seal: readonly string[];
};

/** Every fault of the environment in one error, so that an operator repairs it in one go. */
export class ConfigFault extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigFault';
    this.faults = faults;
  }
}

type Environment = { readonly [name: string]: string | undefined };
export type ReadFile = (path: string) => string;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'];

/**
 * @param environment `process.env` or the like
 * @param readFile how to read a key file; throws where it cannot
 * @throws ConfigFault that names every faulty or missing setting and never repeats a value
 */
export function readConfig(environment: Environment, readFile: ReadFile): Config {
  const faults: string[] = [];
  const text = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const required = (name: string, what: string): string => {
    const value = text(name);
    if (value === undefined) faults.push(`${name} is missing: ${what}`);
    return value ?? '';
  };
  const check = <T extends string>(name: string, what: string, holds: (value: string) => value is T): T => {
    const value = required(name, what);
    if (value !== '' && !holds(value)) faults.push(`${name} is not ${what}`);
    return value as T;
  };
  const whole = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name) ?? String(fallback);
    if (!/^\d{1,9}$/.test(value) || Number(value) < min || Number(value) > max) {
      faults.push(`${name} is not a whole number from ${min} to ${max}`);
    }
    return Number(value);
  };
  const file = <T>(name: string, what: string, read: (content: unknown) => T | undefined): T | undefined => {
    const path = required(name, what);
    if (path === '') return undefined;
    try {
      return read(JSON.parse(readFile(path)));
    } catch {
      faults.push(`${name} does not name a readable JSON file: ${what}`);
      return undefined;
    }
  };
  const database = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '' && !/^postgres(ql)?:\/\//.test(value))
      faults.push(`${name} is not a postgresql:// address`);
  };

  const authority = check(
    'CHIKAI_AUTHORITY',
    'a six-digit local-government code with a right check digit',
    isAuthorityCode,
  );
  const issuer = check(
    'CHIKAI_ISSUER',
    'an https address without trailing slash (http only on loopback)',
    isEntityId,
  );
  const anchor = check(
    'CHIKAI_ANCHOR',
    'an https address without trailing slash (http only on loopback)',
    isEntityId,
  );
  const superior = text('CHIKAI_SUPERIOR');
  if (superior !== undefined && !isEntityId(superior))
    faults.push('CHIKAI_SUPERIOR is not an https address without trailing slash (http only on loopback)');
  const anchorKeys = file(
    'CHIKAI_ANCHOR_KEYS_FILE',
    'the JWK set of the trust anchor, received out of band',
    (content) => {
      const keys = readAnchorKeys(content);
      if (keys.length === 0) faults.push('CHIKAI_ANCHOR_KEYS_FILE holds no public P-256 key');
      return keys;
    },
  );
  const keys = file(
    'CHIKAI_KEYS_FILE',
    "this authority's private keys, made by `npm run keys`",
    (content) => {
      // Two authorities on one machine: a file that was made for one never signs for the other.
      const owner = keyFileOwner(content);
      if (owner !== undefined && authority !== '' && owner !== authority)
        faults.push(
          `CHIKAI_KEYS_FILE was made for the authority ${owner}, and CHIKAI_AUTHORITY says ${authority}: each has a key file of its own`,
        );
      const outcome = readKeyRing(content);
      if ('ring' in outcome) return outcome.ring;
      faults.push(...outcome.faults.map((fault) => `CHIKAI_KEYS_FILE: ${fault}`));
      return undefined;
    },
  );
  const chains = text('CHIKAI_X5C_FILE')
    ? file('CHIKAI_X5C_FILE', 'X.509 certificates of the keys', (content) => {
        const read = readChains(content);
        if (!read)
          faults.push(
            'CHIKAI_X5C_FILE is not a JSON array of base64 DER certificates, nor an object of such by key',
          );
        return read;
      })
    : {};
  const x5c = keys && chains && chainsOf(keys, chains, faults);
  if (issuer !== '' && issuer === anchor)
    faults.push('CHIKAI_ISSUER and CHIKAI_ANCHOR are the same address: an authority is not its own anchor');
  const databaseUrl = required('DATABASE_URL', "the application role's connection to PostgreSQL 15 or newer");
  const migrationDatabaseUrl = text('MIGRATION_DATABASE_URL');
  database('DATABASE_URL', databaseUrl);
  database('MIGRATION_DATABASE_URL', migrationDatabaseUrl);
  const logLevel = text('LOG_LEVEL') ?? 'info';
  if (!LOG_LEVELS.includes(logLevel)) faults.push(`LOG_LEVEL is not one of ${LOG_LEVELS.join(', ')}`);
  const numbers = {
    databasePoolSize: whole('DATABASE_POOL_SIZE', 8, 2, 50),
    port: whole('PORT', 8080, 0, 65_535),
    certificateValidityDays: whole('CHIKAI_CERTIFICATE_VALIDITY_DAYS', 1095, 1, 1096),
    statusMaxAgeSeconds: whole('CHIKAI_STATUS_MAX_AGE_SECONDS', 86_400, 60, 604_800),
    trustMaxAgeSeconds: whole('CHIKAI_TRUST_MAX_AGE_SECONDS', 691_200, 3_600, 2_592_000),
    statusRefreshSeconds: whole('CHIKAI_STATUS_REFRESH_SECONDS', 20, 1, 60),
    trustRefreshSeconds: whole('CHIKAI_TRUST_REFRESH_SECONDS', 3600, 1, 86_400),
    sessionHours: whole('CHIKAI_SESSION_HOURS', 8, 1, 12),
    fontFolders: text('CHIKAI_FONT_FOLDERS')?.split(':').filter(Boolean) ?? [],
    sealImageFile: text('CHIKAI_SEAL_IMAGE_FILE'),
    paperHead: headOf(text('CHIKAI_PAPER_HEAD')),
  };
  // A list is up to two looks old when all is well: a limit near that would make every verdict waver.
  if (numbers.statusMaxAgeSeconds < 4 * numbers.statusRefreshSeconds)
    faults.push('CHIKAI_STATUS_MAX_AGE_SECONDS is less than four times CHIKAI_STATUS_REFRESH_SECONDS');
  if (faults.length > 0 || !anchorKeys || !keys || !x5c) throw new ConfigFault(faults);
  return Object.freeze({
    authority,
    issuer,
    anchor,
    anchorKeys,
    superior: superior as EntityId | undefined,
    keys,
    x5c,
    databaseUrl,
    migrationDatabaseUrl,
    host: text('HOST') ?? '127.0.0.1',
    logLevel,
    ...numbers,
  });
}

/** `枚方市長 見本 太郎`: the office, a blank, and whoever holds it; the name may be left out. */
function headOf(head: string | undefined): Config['paperHead'] {
  const [title, ...name] = head?.trim().split(/\s+/) ?? [];
  return title ? { title, name: name.length > 0 ? name.join(' ') : null } : undefined;
}

type ChainFile = { readonly [purpose: string]: readonly string[] };

/** `certificateNext` may lie ready for the day on which the next key takes over. */
const CERTIFIED = ['certificate', 'certificateNext', 'presentation', 'seal'];

/** The chain of the certificate key alone, or an object with one per key. */
function readChains(content: unknown): ChainFile | undefined {
  if (Array.isArray(content)) return readChains({ certificate: content });
  if (typeof content !== 'object' || content === null) return undefined;
  const isChain = (value: unknown) =>
    Array.isArray(value) && value.every((der) => typeof der === 'string' && /^[A-Za-z0-9+/]+=*$/.test(der));
  const isGood = Object.entries(content).every(
    ([purpose, chain]) => CERTIFIED.includes(purpose) && isChain(chain),
  );
  return isGood ? (content as ChainFile) : undefined;
}

/** Which chain belongs to a key is told by the leaf: after a change of keys it may still stand under its earlier name. */
function chainsOf(keys: KeyRing, chains: ChainFile, faults: string[]): Chains {
  const of = (purpose: keyof Chains, key: SigningKey | undefined): readonly string[] => {
    const publicKey = publicKeyFromJwk(key?.publicJwk);
    const found = Object.values(chains).find((chain) => publicKey && leafKey(chain)?.equals(publicKey));
    if (!found && key && (chains[purpose] ?? []).length > 0)
      faults.push(`CHIKAI_X5C_FILE holds no certificate of the "${purpose}" key`);
    return found ?? [];
  };
  return {
    certificate: of('certificate', keys.certificate),
    presentation: of('presentation', keys.presentation),
    seal: of('seal', keys.seal),
  };
}

function readAnchorKeys(content: unknown): PublicJwk[] {
  const keys = (content as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((jwk: { x: string; y: string }) =>
    publicKeyFromJwk(jwk)
      ? [
          {
            kty: 'EC',
            crv: 'P-256',
            x: jwk.x,
            y: jwk.y,
            kid: thumbprint(jwk),
            alg: 'ES256',
            use: 'sig',
          } as const,
        ]
      : [],
  );
}
