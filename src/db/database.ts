import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { safeDatabaseError } from './database-fault.ts';
import type { Database } from './schema.generated.ts';

/** Where a database is and who comes in. Whoever prefers one string takes {@link databaseUrl}. */
export type DatabaseAddress = {
  /** Host name, or the absolute path of a Unix socket's folder. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
};

export type DatabaseOptions = {
  /** Connections at most. On two cores 50 are slower than 10 (measured), so the default is 8. */
  readonly max?: number;
  /** Shown in `pg_stat_activity`; never a person's name. */
  readonly applicationName?: string;
  /** Milliseconds until a statement is cut off. Default 15,000. */
  readonly statementTimeoutMs?: number;
  /** Told of a connection that broke while idle; without it such a break is only seen by the next statement. */
  readonly onIdleError?: (error: unknown) => void;
};

/** An open pool: Kysely for everyday statements, `pool` for named statements and whole batches. */
export type OpenDatabase = {
  readonly db: Kysely<Database>;
  readonly pool: pg.Pool;
  close(): Promise<void>;
};

/**
 * Opens a pool of connections; the first statement connects. Every statement, lock wait and idle transaction has an
 * end, because one forgotten transaction would stop a whole counter. Errors come as `DatabaseFault`, without the row.
 */
export function openDatabase(address: string | DatabaseAddress, options: DatabaseOptions = {}): OpenDatabase {
  const pool = new pg.Pool({
    ...connectionConfig(address, options.applicationName ?? 'chikai'),
    max: options.max ?? 8,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 5_000,
    statement_timeout: options.statementTimeoutMs ?? 15_000,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 30_000,
    Client: DiscreetClient,
  });
  // Without a listener Node ends the process when the server closes an idle connection.
  pool.on('error', (error) => options.onIdleError?.(safeDatabaseError(error)));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { db, pool, close: () => db.destroy() };
}

/** A client of its own, for what must not share a connection: migrations, `listen`, the network's administration. */
export function newClient(address: string | DatabaseAddress, applicationName: string): pg.Client {
  return new DiscreetClient({
    ...connectionConfig(address, applicationName),
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
}

/** The address as a libpq connection string; a socket folder goes into `host`. */
export function databaseUrl(address: DatabaseAddress): string {
  const url = new URL(`postgresql://localhost/${encodeURIComponent(address.database)}`);
  url.username = encodeURIComponent(address.user);
  url.password = encodeURIComponent(address.password);
  url.searchParams.set('host', address.host);
  url.searchParams.set('port', String(address.port));
  return url.href;
}

function connectionConfig(address: string | DatabaseAddress, applicationName: string): pg.ClientConfig {
  const place = typeof address === 'string' ? { connectionString: address } : address;
  return { ...place, application_name: applicationName, types: columnTypes };
}

/** A client whose failures never quote a row: pg's own error carries `detail`, and a log would keep it. */
class DiscreetClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const query: (...args: unknown[]) => unknown = this.query.bind(this);
    const discreet = (...args: unknown[]): unknown => {
      const last = args.at(-1);
      if (typeof last === 'function') {
        args[args.length - 1] = (error: unknown, result: unknown) =>
          last(error == null ? error : safeDatabaseError(error), result);
      }
      const answer = query(...args);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch((error: unknown) => {
        throw safeDatabaseError(error);
      });
    };
    this.query = discreet as typeof this.query;
  }
}

const OID = { int8: 20, date: 1082, textArray: 1009, int8Array: 1016, dateArray: 1182 } as const;

const readTextArray: (text: string) => (string | null)[] = pg.types.getTypeParser(OID.textArray as number);

/** A bigint as a number. Past 2^53 − 1 it throws: a rounded epoch or leaf index would be a wrong one. */
function readBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint column holds more than 2^53 - 1');
  return value;
}

/** Days stay text: a JavaScript Date would move an oath's day with the time zone of the server. */
const readers: Readonly<Record<number, (text: string) => unknown>> = {
  [OID.int8]: readBigint,
  [OID.date]: (text) => text,
  [OID.int8Array]: (text) => readTextArray(text).map((item) => (item === null ? null : readBigint(item))),
  [OID.dateArray]: readTextArray,
};

const columnTypes = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : readers[oid]) ??
    pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};
