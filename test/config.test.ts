import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readAnchorConfig } from '../src/anchor-config.ts';
import { ConfigFault, readConfig } from '../src/config.ts';
import {
  createCertificateAuthority,
  issueSigningCertificate,
} from '../src/federation/certificate-authority.ts';
import type { EntityId } from '../src/kernel/authority.ts';
import { type PrivateJwk, signingKeyFromJwk } from '../src/kernel/signing-key.ts';
import { generateKeyFile, readKeyRing } from '../src/key-ring.ts';
import { rotateCertificateKey } from '../src/key-rollover.ts';
import { createTestDatabase } from './db/test-database.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
/** Stands in every faulty value; whoever repeats a value repeats it. */
const CANARY = 'kanaria';

const keyFile = generateKeyFile(new Date('2026-11-22T00:00:00Z'));
const anchorKey = generateKeyFile().federation as { kty: string; crv: string; x: string; y: string };
const publicKey = { kty: anchorKey.kty, crv: anchorKey.crv, x: anchorKey.x, y: anchorKey.y };

const keyOf = (purpose: string) => signingKeyFromJwk(keyFile[purpose] as PrivateJwk);
const START = new Date('2026-11-22T00:00:00Z');
const ca = await createCertificateAuthority(keyOf('federation'), { name: 'Test root', notBefore: START });
const chainOf = async (purpose: string) => [
  await issueSigningCertificate(ca, {
    entityId: 'https://oath.city.example' as EntityId,
    organization: '架空市',
    publicJwk: keyOf(purpose).publicJwk,
    notBefore: START,
  }),
];
const chains = {
  certificate: await chainOf('certificate'),
  certificateNext: await chainOf('certificateNext'),
  presentation: await chainOf('presentation'),
  seal: await chainOf('seal'),
};

const FILES: Record<string, unknown> = {
  'keys.json': keyFile,
  'anchor.json': { keys: [publicKey] },
  'x5c.json': chains.certificate,
};
const readFile = (path: string): string => {
  const content = FILES[path];
  if (content === undefined) throw new Error(`no such file: ${path}`);
  return typeof content === 'string' ? content : JSON.stringify(content);
};

const GOOD = {
  CHIKAI_AUTHORITY: '272108',
  CHIKAI_ISSUER: 'https://oath.city.example',
  CHIKAI_ANCHOR: 'https://anchor.example',
  CHIKAI_ANCHOR_KEYS_FILE: 'anchor.json',
  CHIKAI_KEYS_FILE: 'keys.json',
  DATABASE_URL: 'postgresql://app@localhost/chikai',
};

const faultsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment, readFile);
    return [];
  } catch (error) {
    if (error instanceof ConfigFault) return error.faults;
    throw error;
  }
};

t.test('a complete configuration is read with its defaults and cannot be changed', async (t) => {
  const config = readConfig({ ...GOOD, CHIKAI_X5C_FILE: 'x5c.json', PORT: ' 9000 ' }, readFile);
  t.match(config, {
    authority: '272108',
    issuer: 'https://oath.city.example',
    anchor: 'https://anchor.example',
    x5c: { certificate: chains.certificate, presentation: [], seal: [] },
    migrationDatabaseUrl: undefined,
    databasePoolSize: 8,
    host: '127.0.0.1',
    port: 9000,
    logLevel: 'info',
    certificateValidityDays: 1095,
    statusMaxAgeSeconds: 86_400,
    statusRefreshSeconds: 20,
    trustRefreshSeconds: 3600,
    sessionHours: 8,
    fontFolders: [],
    sealImageFile: undefined,
    paperHead: undefined,
  });
  t.equal(config.anchorKeys.length, 1);
  t.notOk('d' in (config.anchorKeys[0] ?? {}));
  t.throws(() => Object.assign(config, { port: 1 }), { name: 'TypeError' });
});

t.test('each chain is found by the key that its leaf certifies', async (t) => {
  const read = (keys: Record<string, unknown>, x5c: unknown) => {
    FILES['other-keys.json'] = keys;
    FILES['other-x5c.json'] = x5c;
    const files = { CHIKAI_KEYS_FILE: 'other-keys.json', CHIKAI_X5C_FILE: 'other-x5c.json' };
    return readConfig({ ...GOOD, ...files }, readFile).x5c;
  };
  const { certificate, certificateNext, presentation, seal } = chains;
  t.same(read(keyFile, chains), { certificate, presentation, seal });
  const at = new Date('2026-11-24T00:00:00Z');
  const later = rotateCertificateKey(keyFile, at);
  t.same(read(later, chains), { certificate: certificateNext, presentation, seal }, 'after a change of keys');
  const { presentation: _, seal: __, ...older } = keyFile;
  t.same(read(older, chains), { certificate, presentation: [], seal: [] }, 'an older key file');
  t.throws(() => read(later, { certificate }), {
    message: /- CHIKAI_X5C_FILE holds no certificate of the "certificate" key$/,
  });
  t.throws(() => read(keyFile, { seal: presentation }), {
    message: /- CHIKAI_X5C_FILE holds no certificate of the "seal" key$/,
  });
});

t.test('an empty environment is told every missing setting at once', async (t) => {
  const faults = faultsOf({});
  t.same(
    faults.map((fault) => fault.split(' is missing: ')[0]),
    Object.keys(GOOD),
    'the names, in the order of .env.example',
  );
  t.ok(
    faults.every((fault) => fault.length > 40),
    'each with what it should be',
  );
});

t.test('each faulty setting is a fault of its own, and no value is repeated', async (t) => {
  const table: readonly (readonly [string, string, RegExp])[] = [
    ['CHIKAI_AUTHORITY', CANARY, /^CHIKAI_AUTHORITY is not a six-digit/],
    ['CHIKAI_AUTHORITY', '272109', /^CHIKAI_AUTHORITY is not a six-digit .* right check digit/],
    ['CHIKAI_ISSUER', `http://${CANARY}.example`, /^CHIKAI_ISSUER is not an https address/],
    ['CHIKAI_ISSUER', `https://${CANARY}.example/`, /^CHIKAI_ISSUER is not .* without trailing slash/],
    ['CHIKAI_ISSUER', GOOD.CHIKAI_ANCHOR, /^CHIKAI_ISSUER and CHIKAI_ANCHOR are the same address/],
    ['CHIKAI_ANCHOR', `https://user:${CANARY}@anchor.example`, /^CHIKAI_ANCHOR is not an https address/],
    [
      'CHIKAI_ANCHOR_KEYS_FILE',
      `/etc/${CANARY}.json`,
      /^CHIKAI_ANCHOR_KEYS_FILE does not name a readable JSON/,
    ],
    ['CHIKAI_KEYS_FILE', `/etc/${CANARY}.json`, /^CHIKAI_KEYS_FILE does not name a readable JSON/],
    ['CHIKAI_X5C_FILE', `/etc/${CANARY}.json`, /^CHIKAI_X5C_FILE does not name a readable JSON/],
    ['DATABASE_URL', `mysql://root:${CANARY}@localhost`, /^DATABASE_URL is not a postgresql:/],
    ['MIGRATION_DATABASE_URL', `${CANARY}@localhost`, /^MIGRATION_DATABASE_URL is not a postgresql:/],
    ['LOG_LEVEL', CANARY, /^LOG_LEVEL is not one of fatal, error/],
    ['DATABASE_POOL_SIZE', '1', /^DATABASE_POOL_SIZE is not a whole number from 2 to 50/],
    ['PORT', '65536', /^PORT is not a whole number from 0 to 65535/],
    ['PORT', '0x1F90', /^PORT is not a whole number/],
    [
      'CHIKAI_CERTIFICATE_VALIDITY_DAYS',
      '-1',
      /^CHIKAI_CERTIFICATE_VALIDITY_DAYS is not a whole number from 1/,
    ],
    ['CHIKAI_STATUS_MAX_AGE_SECONDS', '1e9', /^CHIKAI_STATUS_MAX_AGE_SECONDS is not a whole number from 60/],
    ['CHIKAI_STATUS_MAX_AGE_SECONDS', '79', /^CHIKAI_STATUS_MAX_AGE_SECONDS is less than four times/],
    ['CHIKAI_STATUS_REFRESH_SECONDS', '0', /^CHIKAI_STATUS_REFRESH_SECONDS is not a whole number from 1/],
    ['CHIKAI_TRUST_REFRESH_SECONDS', '1.5', /^CHIKAI_TRUST_REFRESH_SECONDS is not a whole number/],
    ['CHIKAI_SESSION_HOURS', '25', /^CHIKAI_SESSION_HOURS is not a whole number from 1 to 12/],
  ];
  for (const [name, value, words] of table) {
    const faults = faultsOf({ ...GOOD, [name]: value });
    t.equal(faults.length, 1, `${name}: one fault`);
    t.match(faults[0] ?? '', words);
  }
  const last = Object.fromEntries(table.map(([name, value]) => [name, value]));
  const more = {
    CHIKAI_AUTHORITY: CANARY,
    CHIKAI_ISSUER: `http://${CANARY}.example`,
    CHIKAI_STATUS_MAX_AGE_SECONDS: '1e9',
  };
  const all = faultsOf({ ...last, ...more });
  t.same(
    new Set(all.map((fault) => fault.split(' ')[0])),
    new Set(table.map(([name]) => name)),
    'all at once are told all at once',
  );
  const fault = new ConfigFault(all);
  t.equal(fault.message.split('\n').length, all.length + 1, 'one line each');
  t.notMatch(fault.message, CANARY);
});

t.test('what the files hold is checked too, and never quoted', async (t) => {
  const jwk = keyFile.certificate as Record<string, unknown>;
  const table: readonly (readonly [string, string, unknown, RegExp])[] = [
    ['CHIKAI_KEYS_FILE', 'no JSON', `{"${CANARY}":`, /does not name a readable JSON file/],
    [
      'CHIKAI_KEYS_FILE',
      'a key missing',
      { ...keyFile, message: undefined },
      /"message" is not a private P-256 JWK/,
    ],
    [
      'CHIKAI_KEYS_FILE',
      'a public key',
      { ...keyFile, message: publicKey },
      /"message" is not a private P-256 JWK/,
    ],
    [
      'CHIKAI_KEYS_FILE',
      'a short secret',
      { ...keyFile, session: CANARY },
      /"session" is not 32 bytes in base64url/,
    ],
    ['CHIKAI_KEYS_FILE', 'one key twice', { ...keyFile, message: jwk }, /one key serves two purposes/],
    [
      'CHIKAI_KEYS_FILE',
      'one key for signing and opening',
      { ...keyFile, decryption: jwk },
      /one key serves two purposes/,
    ],
    [
      'CHIKAI_KEYS_FILE',
      'one secret twice',
      { ...keyFile, session: keyFile.keyEncryption },
      /one key serves two purposes/,
    ],
    ['CHIKAI_KEYS_FILE', 'something else', { ...keyFile, [CANARY]: CANARY }, /1 unknown member/],
    ['CHIKAI_KEYS_FILE', 'a list', [CANARY], /"federation" is not a private P-256 JWK/],
    ['CHIKAI_KEYS_FILE', 'nothing', null, /"federation" is not a private P-256 JWK/],
    ['CHIKAI_ANCHOR_KEYS_FILE', 'no key', { keys: [] }, /holds no public P-256 key/],
    ['CHIKAI_ANCHOR_KEYS_FILE', 'a private key', { keys: [anchorKey] }, /holds no public P-256 key/],
    [
      'CHIKAI_ANCHOR_KEYS_FILE',
      'a key off the curve',
      { keys: [{ ...publicKey, y: publicKey.x }] },
      /holds no public P-256 key/,
    ],
    ['CHIKAI_ANCHOR_KEYS_FILE', 'nothing', null, /holds no public P-256 key/],
    ['CHIKAI_X5C_FILE', 'no base64', [`-----${CANARY}-----`], /is not a JSON array of base64 DER/],
    [
      'CHIKAI_KEYS_FILE',
      'a past key without an end',
      { ...keyFile, certificatePast: [{ jwk: publicKey, retired_at: 1 }] },
      /"certificatePast" is not a list of past keys/,
    ],
    [
      'CHIKAI_KEYS_FILE',
      'a private key of the past',
      { ...keyFile, certificatePast: [{ jwk: anchorKey, retired_at: 1, exp: 2 }] },
      /"certificatePast" is not a list of past keys/,
    ],
    [
      'CHIKAI_KEYS_FILE',
      'a past key revoked for no known reason',
      {
        ...keyFile,
        certificatePast: [
          { jwk: publicKey, retired_at: 1, exp: 2, revoked: { revoked_at: 1, reason: CANARY } },
        ],
      },
      /"certificatePast" is not a list of past keys/,
    ],
    [
      'CHIKAI_KEYS_FILE',
      'a present key of the past',
      { ...keyFile, certificatePast: [{ jwk: keyOf('certificate').publicJwk, retired_at: 1, exp: 2 }] },
      /one key serves two purposes/,
    ],
    ['CHIKAI_X5C_FILE', 'no purpose', { [CANARY]: chains.seal }, /is not a JSON array of base64 DER/],
    ['CHIKAI_X5C_FILE', 'no list', { [CANARY]: 1 }, /is not a JSON array of base64 DER/],
  ];
  for (const [name, what, content, words] of table) {
    FILES['faulty.json'] = content;
    const faults = faultsOf({ ...GOOD, [name]: 'faulty.json' });
    t.ok(
      faults.some((fault) => fault.startsWith(name) && words.test(fault)),
      `${name}: ${what}`,
    );
    t.notMatch(faults.join('\n'), CANARY);
  }
  t.ok('ring' in readKeyRing(generateKeyFile()), 'keys as this program makes them are good');
});

t.test("the anchor's process is told all its faults as well", async (t) => {
  FILES['members.json'] = [{ entityId: CANARY }];
  FILES['anchor-keys.json'] = { federation: CANARY, [CANARY]: 1 };
  const environment = {
    CHIKAI_ANCHOR: `http://${CANARY}.example`,
    CHIKAI_ANCHOR_PRIVATE_KEYS_FILE: 'anchor-keys.json',
    CHIKAI_MEMBERS_FILE: 'members.json',
    PORT: CANARY,
    LOG_LEVEL: CANARY,
  };
  for (const [settings, names] of [
    [{}, ['CHIKAI_ANCHOR', 'CHIKAI_ANCHOR_PRIVATE_KEYS_FILE', 'CHIKAI_MEMBERS_FILE']],
    [environment, Object.keys(environment)],
  ] as const) {
    try {
      readAnchorConfig(settings, readFile);
      t.fail('it was taken');
    } catch (error) {
      if (!(error instanceof ConfigFault)) throw error;
      t.same(new Set(error.faults.map((fault) => fault.split(/[ :]/)[0])), new Set(names));
      t.notMatch(error.message, CANARY);
    }
  }
});

t.test('the process', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'chikai-config-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));

  await t.test('with an empty environment it prints every fault and exits with 1', async (t) => {
    const { status, stderr, stdout } = run({});
    t.equal(status, 1);
    t.equal(stdout, '');
    const lines = stderr.trimEnd().split('\n');
    t.equal(lines[0], `The configuration has ${Object.keys(GOOD).length} fault(s):`);
    t.same(
      lines.slice(1).map((line) => /^ {2}- (\w+) is missing: ./.exec(line)?.[1]),
      Object.keys(GOOD),
    );
  });

  await t.test('a database that a newer release has changed stops it with one sentence', async (t) => {
    const database = await createTestDatabase(t);
    const { number } = await database.ownerDb
      .selectFrom('schema_migration' as never)
      .select((of) => of.fn.max('number' as never).as('number'))
      .executeTakeFirstOrThrow();
    const next = {
      number: Number(number) + 1,
      name: '9999_future.sql',
      checksum: '0'.repeat(64),
      breaking: true,
    };
    await database.ownerDb
      .insertInto('schema_migration' as never)
      .values(next as never)
      .execute();
    const { status, stderr, stdout } = run(settings(database.url));
    t.equal(status, 1);
    t.equal(stdout, '');
    t.equal(
      stderr,
      'The database has 9999_future.sql, which programs older than it cannot work with: start a newer release.\n',
    );
  });

  await t.test('a database that cannot be reached stops it, and its address is not repeated', async (t) => {
    const { status, stderr } = run(settings(`postgresql://${CANARY}:${CANARY}@127.0.0.1:1/${CANARY}`));
    t.equal(status, 1);
    t.match(stderr, /^The node could not start \(.*ECONNREFUSED.*\)\.\n$/);
    t.notMatch(stderr, CANARY);
  });

  function settings(databaseUrl: string): Record<string, string> {
    const write = (name: string, content: unknown) => {
      const path = join(folder, name);
      writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
      return path;
    };
    return {
      ...GOOD,
      CHIKAI_ANCHOR_KEYS_FILE: write('anchor.json', FILES['anchor.json']),
      CHIKAI_KEYS_FILE: write('keys.json', keyFile),
      DATABASE_URL: databaseUrl,
      PORT: '0',
    };
  }
});

function run(environment: Record<string, string>) {
  const env = { PATH: process.env.PATH ?? '', ...environment };
  return spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8', timeout: 20_000 });
}
