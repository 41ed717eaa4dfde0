import { setImmediate as nextTurn } from 'node:timers/promises';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { RowFault } from './check-cell.ts';
import { type CheckedRow, checkRow, type RowTerms } from './check-row.ts';
import { type ColumnPlaces, IMPORT_FIELDS } from './column-mapping.ts';
import type { Table } from './read-table.ts';

const ROWS_PER_TURN = 200;

/** Checks each row by itself, and lets other work through in between. */
export async function checkRows(
  table: Table,
  places: ColumnPlaces,
  terms: Omit<RowTerms, 'epoch1904'>,
): Promise<CheckedRow[]> {
  const checked: CheckedRow[] = [];
  for (const row of table.rows) {
    checked.push(checkRow(row, table.headings.length, places, { ...terms, epoch1904: table.epoch1904 }));
    if (checked.length % ROWS_PER_TURN === 0) await nextTurn();
  }
  return checked;
}

/** What the register of this authority holds already; digests as hexadecimal texts. */
export type HeldHere = {
  /** Source keys of rows that were taken over before. */
  readonly sourceKeys: ReadonlySet<string>;
  /** Blind indexes of people in a living registration. */
  readonly persons: ReadonlySet<string>;
};

/** A register whose rows were held against each other and against what is registered here. */
export type CheckedRegister = {
  readonly good: readonly CheckedRow[];
  /** In the order of rows and columns. */
  readonly faults: readonly RowFault[];
  readonly faultyRows: number;
  readonly alreadyThere: number;
};

/**
 * What no row shows by itself: a number or a person that stands twice in the file, or is registered here. Both rows of
 * a pair are faulty, because nobody but the authority knows which one is right. A row that was taken over before is
 * left out first: what became of that couple since is not the file's to say.
 */
export function checkRegister(rows: readonly CheckedRow[], held: HeldHere): CheckedRegister {
  const isHeld = ({ sourceKey }: CheckedRow) =>
    sourceKey !== undefined && held.sourceKeys.has(sourceKey.toString('hex'));
  const fresh = rows.filter((row) => !isHeld(row));
  const faults = [
    ...fresh.flatMap((row) => row.faults),
    ...repeatedNumbers(fresh),
    ...repeatedPersons(fresh.filter(({ ended }) => !ended)),
    ...registeredPersons(fresh, held),
  ].toSorted((one, other) => one.row - other.row || columnOf(one) - columnOf(other));
  const faulty = new Set(faults.map(({ row }) => row));
  return {
    good: fresh.filter(({ row }) => !faulty.has(row)),
    faults,
    faultyRows: faulty.size,
    alreadyThere: rows.length - fresh.length,
  };
}

function columnOf({ field }: RowFault): number {
  return field === undefined ? -1 : IMPORT_FIELDS.indexOf(field);
}

function repeatedNumbers(rows: readonly CheckedRow[]): RowFault[] {
  const numbered = rows.flatMap((row) =>
    row.sourceKey ? [{ row, key: row.sourceKey.toString('hex') }] : [],
  );
  return sharing(numbered).map(({ one, other }) => ({
    row: one.row.row,
    field: 'number',
    rule: 'number_repeated',
    allowed: String(other.row.row),
  }));
}

function repeatedPersons(rows: readonly CheckedRow[]): RowFault[] {
  return sharing(rows.flatMap(personsIn)).map(({ one, other }) => ({
    row: one.row.row,
    field: `${one.position}Kana`,
    rule: 'person_repeated',
    allowed: String(other.row.row),
  }));
}

function registeredPersons(rows: readonly CheckedRow[], { persons }: HeldHere): RowFault[] {
  return rows
    .filter(({ ended }) => !ended)
    .flatMap(personsIn)
    .filter(({ key }) => persons.has(key))
    .map(({ row, position }) => ({ row: row.row, field: `${position}Kana`, rule: 'already_registered' }));
}

type Person = { readonly row: CheckedRow; readonly position: PartnerPosition; readonly key: string };

function personsIn(row: CheckedRow): Person[] {
  return POSITIONS.flatMap((position) => {
    const key = row.persons[position]?.toString('hex');
    return key === undefined ? [] : [{ row, position, key }];
  });
}

/** Everything whose key another one has too, each with the first other one. */
function sharing<Each extends { readonly key: string }>(all: readonly Each[]): { one: Each; other: Each }[] {
  const byKey = Map.groupBy(all, ({ key }) => key);
  return all.flatMap((one) => {
    const other = byKey.get(one.key)?.find((each) => each !== one);
    return other === undefined ? [] : [{ one, other }];
  });
}
