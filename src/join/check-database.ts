import { join } from 'node:path';
import type pg from 'pg';
import { newClient } from '../db/database.ts';
import { checkSchema, MigrationFault } from '../db/migrate.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Checks, failed, passed, untested } from './finding.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');
const OLDEST = 150_000;
const SKEW_SECONDS = 10;
/** What a hand-typed query shows must be a day in Japan, or plainly universal time. */
const ZONES = ['Asia/Tokyo', 'Japan', 'UTC', 'Etc/UTC', 'GMT', 'Etc/GMT', 'Zulu', 'UCT', 'Universal'];

type Facts = {
  readonly version: number;
  readonly zone: string;
  readonly now: Date;
  readonly rights: string;
  readonly deletable: string;
  readonly loose: string;
};

const FACTS = `
  select current_setting('server_version_num')::int as version, current_setting('TimeZone') as zone,
    clock_timestamp() as now,
    concat_ws(', ', case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end,
      case when rolcreatedb then 'createdb' end, case when rolbypassrls then 'bypassrls' end,
      case when exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and pg_has_role(current_user, c.relowner, 'member')) then 'owner of tables' end,
      case when not exists (select from pg_roles g where g.rolname = 'chikai_app'
        and pg_has_role(current_user, g.oid, 'member')) then 'not a member of chikai_app' end) as rights,
    (select coalesce(string_agg(c.relname, ', ' order by c.relname), '') from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p')
        and (has_table_privilege(c.oid, 'DELETE') or has_table_privilege(c.oid, 'TRUNCATE'))) as deletable,
    concat_ws(', ', case when current_setting('fsync') = 'off' then 'fsync' end,
      case when current_setting('full_page_writes') = 'off' then 'full_page_writes' end,
      case when current_setting('synchronous_commit') = 'off' then 'synchronous_commit' end) as loose
  from pg_roles where rolname = current_user`;

/** The database as the application's role sees it. Nothing is written. */
export function databaseChecks(url: string | undefined, clock: Clock): Checks {
  let facts: Facts | undefined;
  const of = (check: (known: Facts) => ReturnType<NonNullable<Checks['database_version']>>) => () =>
    facts ? check(facts) : untested('no_database');
  return {
    async database_reachable() {
      if (url === undefined) return untested('no_settings');
      const outcome = await asking(url, async (client) => (await client.query<Facts>(FACTS)).rows[0]);
      if (typeof outcome === 'string') return failed('database_away', outcome);
      facts = outcome;
      return facts ? passed : failed('database_away');
    },
    database_version: of(({ version }) =>
      version >= OLDEST ? passed : failed('database_old', Math.floor(version / 10_000)),
    ),
    database_roles: of(({ rights }) => (rights === '' ? passed : failed('role_too_strong', rights))),
    database_no_delete: of(({ deletable }) =>
      deletable === '' ? passed : failed('role_may_delete', deletable),
    ),
    database_schema: of(async () => {
      const outcome = await asking(url ?? '', async (client) => {
        try {
          await checkSchema(client as Pick<pg.Pool, 'query'>, MIGRATIONS);
          return undefined;
        } catch (error) {
          if (error instanceof MigrationFault) return error;
          throw error;
        }
      });
      if (typeof outcome === 'string') return failed('database_away', outcome);
      return outcome ? failed('schema_unfit', outcome.message) : passed;
    }),
    database_clock: of(({ now }) => {
      const seconds = Math.round((now.getTime() - clock().getTime()) / 1000);
      return Math.abs(seconds) <= SKEW_SECONDS ? passed : failed('database_clock_off', seconds);
    }),
    database_zone: of(({ zone }) => (ZONES.includes(zone) ? passed : failed('database_zone_odd', zone))),
    database_durable: of(({ loose }) => (loose === '' ? passed : failed('database_not_durable', loose))),
    // A server cannot say whether its backups can be read back.
    database_backup: of(() => untested('not_testable_here')),
  };
}

/** @returns the SQLSTATE or the system's code where the database does not answer */
async function asking<Result extends object | undefined>(
  url: string,
  ask: (client: pg.Client) => Promise<Result>,
): Promise<Result | string> {
  const client = newClient(url, 'chikai join');
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await ask(client);
  } catch (error) {
    return (error as { code?: string }).code ?? 'no_answer';
  } finally {
    await client.end().catch(() => undefined);
  }
}
