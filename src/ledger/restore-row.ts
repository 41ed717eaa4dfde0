import { fromBase64url } from '../kernel/base64url.ts';
import { isJsonObject, type JsonValue } from '../kernel/strict-json.ts';
import type { ColumnType, Row, TablePlan } from './table-plan.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const WHOLE = /^-?\d{1,19}$/;

/**
 * Holds a row against its table's plan.
 *
 * @param partial a column may be absent: the file is older than it, and the table's default stands in
 * @returns undefined where it fits, else the column at fault, or '' where the columns themselves are not the table's
 */
export function rowFault(plan: TablePlan, row: Row, { partial }: { partial: boolean }): string | undefined {
  const columns = Object.keys(plan.columns);
  const given = Object.keys(row);
  const expected = partial ? columns.filter((column) => given.includes(column)) : columns;
  if (given.length !== expected.length || given.some((column, at) => column !== expected[at])) return '';
  return given.find((column) => !fits(plan.columns[column], row[column] ?? null));
}

/** Null passes everywhere: where it may not stand, the database says so. */
function fits(type: ColumnType | undefined, value: JsonValue): boolean {
  if (value === null) return true;
  switch (type) {
    case 'jsonb':
      return true;
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
    case 'smallint':
      return Number.isSafeInteger(value);
    case 'sealed':
      return typeof value === 'string' ? value.isWellFormed() : isDestroyed(value);
    case 'bytea':
      return typeof value === 'string' && fromBase64url(value) !== undefined;
    case 'bigint':
      return typeof value === 'string' && WHOLE.test(value);
    case 'date':
      return typeof value === 'string' && DAY.test(value);
    case 'timestamptz':
      return typeof value === 'string' && INSTANT.test(value);
    case 'uuid':
      return typeof value === 'string' && UUID.test(value);
    case 'text':
      return typeof value === 'string';
    case undefined:
      return false;
  }
}

/** The mark that stands in place of a text whose data key was destroyed. */
export function isDestroyed(value: JsonValue | undefined): boolean {
  return (
    value !== undefined && isJsonObject(value) && Object.keys(value).length === 1 && value.destroyed === true
  );
}
