import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';
import type { DatabaseAddress } from './database.ts';
import { DatabaseFault } from './database-fault.ts';

/** Group roles without a log-in. Migrations grant to these, so a grant reads the same in every authority's database. */
export const CLUSTER_ROLES = ['chikai_app', 'chikai_auditor', 'chikai_eraser'] as const;

export type AuthorityDatabase = {
  /** Owns the tables; migrates and nothing else. */
  readonly owner: DatabaseAddress;
  /** What the authority's process connects as: a member of `chikai_app`, without DELETE. */
  readonly app: DatabaseAddress;
};

/** Creates the group roles where they are missing. Roles belong to the whole cluster, so several starters may race here. */
export async function ensureClusterRoles(admin: pg.Client): Promise<void> {
  for (const role of CLUSTER_ROLES) {
    if (await exists(admin, 'select 1 from pg_roles where rolname = $1', role)) continue;
    await unlessThere(admin.query(`create role ${role} nologin`));
  }
}

/**
 * Creates (or finds) an authority's database with its owner and its application's log-in, and gives both a new random
 * password. Only these two may connect: authorities that share a cluster cannot read each other, and since they also
 * share the machine's user, a password decides and not `peer`. The server is told a SCRAM verifier, never the password.
 * Names are `[a-z][a-z0-9_]*`, at most 63 characters.
 */
export async function createAuthorityDatabase(
  admin: pg.Client,
  names: { readonly database: string; readonly owner: string; readonly appLogin: string },
): Promise<AuthorityDatabase> {
  const database = identifier(names.database);
  const owner = identifier(names.owner);
  const app = identifier(names.appLogin);
  const ownerPassword = await setLogin(admin, names.owner);
  const appPassword = await setLogin(admin, names.appLogin);
  await admin.query(`grant chikai_app to ${app}`);
  if (!(await exists(admin, 'select 1 from pg_database where datname = $1', names.database))) {
    // Only a superuser may hand a database to a role it is not a member of.
    if (
      !(await exists(admin, 'select 1 from pg_roles where rolname = current_user and rolsuper', undefined))
    ) {
      await admin.query(`grant ${owner} to current_user`);
    }
    await unlessThere(admin.query(`create database ${database} owner ${owner}`));
  }
  await admin.query(
    `revoke all on database ${database} from public; grant connect on database ${database} to ${app}`,
  );
  const place = { host: admin.host, port: admin.port, database: names.database };
  return {
    owner: { ...place, user: names.owner, password: ownerPassword },
    app: { ...place, user: names.appLogin, password: appPassword },
  };
}

async function setLogin(admin: pg.Client, name: string): Promise<string> {
  const role = identifier(name);
  if (!(await exists(admin, 'select 1 from pg_roles where rolname = $1', name))) {
    await unlessThere(admin.query(`create role ${role} nologin`));
  }
  const password = randomBytes(24).toString('base64url');
  await admin.query(`alter role ${role} login password '${scramVerifier(password)}'`);
  return password;
}

/** What PostgreSQL stores of a password (RFC 5802 §3, RFC 7677): a log or a backup that holds it opens no door. */
export function scramVerifier(password: string): string {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyOf = (words: string) => createHmac('sha256', salted).update(words).digest();
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  const serverKey = keyOf('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name))
    throw new RangeError(`not a name for a database or role: ${name}`);
  return pg.escapeIdentifier(name);
}

async function exists(admin: pg.Client, text: string, name: string | undefined): Promise<boolean> {
  return (await admin.query(text, name === undefined ? [] : [name])).rowCount === 1;
}

/** Another starter was first: role (42710, or 23505 while both write), database (42P04). */
async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof DatabaseFault) || !['42710', '42P04', '23505'].includes(error.code)) throw error;
  }
}
