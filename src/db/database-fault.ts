import pg from 'pg';

/**
 * What may be told of a failed statement: the SQLSTATE and the names of the constraint and table. PostgreSQL's own
 * `detail` quotes the row ("Key (name)=(…)") and most messages quote a value, so neither is kept.
 */
export class DatabaseFault extends Error {
  /** SQLSTATE, five characters (PostgreSQL documentation, appendix A). */
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;

  constructor(
    code: string,
    told: { constraint?: string | undefined; table?: string | undefined; words?: string },
  ) {
    const where = [told.table && `table ${told.table}`, told.constraint && `constraint ${told.constraint}`];
    const place = where.filter(Boolean).join(', ');
    super(`PostgreSQL refused with ${code}${place && ` (${place})`}${told.words ? `: ${told.words}` : ''}`);
    this.name = 'DatabaseFault';
    this.code = code;
    this.constraint = told.constraint;
    this.table = told.table;
  }
}

/** A driver's error made fit for a log; whatever does not come from the server's answer is returned as it is. */
export function safeDatabaseError(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const code = error.code ?? 'XX000';
  const { constraint, table, message } = error;
  // Class 42 speaks of the statement (a missing column, a missing grant), and our statements hold no values.
  return new DatabaseFault(code, { constraint, table, ...(code.startsWith('42') ? { words: message } : {}) });
}

/** True for a broken uniqueness (23505), of that constraint or index where one is named. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof DatabaseFault &&
    error.code === '23505' &&
    (constraint === undefined || error.constraint === constraint)
  );
}

const PASSING = ['40001', '40P01', '55P03'];

/** True for what another try at the same work can cure: a serialization failure, a deadlock, a lock not to be had now. */
export function isPassingFault(error: unknown): boolean {
  return error instanceof DatabaseFault && PASSING.includes(error.code);
}

/**
 * True where the database could not be reached or went away in the middle: it is being restarted, or another server is
 * taking over. Whether the work was committed is then unknown; a command said again with its key finds out.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (error instanceof DatabaseFault || error instanceof pg.DatabaseError) {
    return code.startsWith('08') || AWAY.includes(code);
  }
  return (
    (syscall === 'connect' && CONNECT_FAULTS.includes(code)) ||
    BROKEN_WIRE.includes(code) ||
    DRIVER_SAYS.test(error.message)
  );
}

/** Ended by an administrator, crashed, starting up or shutting down, too many connections (PostgreSQL, appendix A). */
const AWAY = ['57P01', '57P02', '57P03', '53300'];
const CONNECT_FAULTS = ['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH'];
const BROKEN_WIRE = ['ECONNRESET', 'EPIPE'];
/** pg's own words, which come without a code. */
const DRIVER_SAYS =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|timeout expired)/;
