import { holdsMyNumber } from '../kernel/my-number.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import type { ColumnPlaces, ImportField } from './column-mapping.ts';
import type { ImportRule } from './import-words.ts';
import type { Cell } from './read-table.ts';
import { readWrittenDate } from './written-date.ts';

/** One thing wrong in a row; `field` is absent where the row as a whole is meant. Never holds what stands in a cell. */
export type RowFault = {
  readonly row: number;
  readonly field?: ImportField | undefined;
  readonly rule: ImportRule;
  /** Another row, a limit or a day of the rule book. */
  readonly allowed?: string | undefined;
};

/** What the contract refuses in a name (`PersonalName`): controls, separators of lines and changes of direction. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** Characters of one's own system, in all three private use areas, and the geta mark that printers set for them. */
const EXTERNAL = /[\u3013\ue000-\uf8ff\u{f0000}-\u{ffffd}\u{100000}-\u{10fffd}]/u;
/** What an export leaves of a character that its encoding has not. */
const LOST = /[?？\ufffd]/u;

/** Reads cells by field and collects what is wrong with them. */
export class RowReader {
  readonly faults: RowFault[] = [];
  readonly #row: number;
  readonly #cells: readonly Cell[];
  readonly #places: ColumnPlaces;
  readonly #epoch1904: boolean;

  constructor(row: number, cells: readonly Cell[], places: ColumnPlaces, epoch1904: boolean) {
    this.#row = row;
    this.#cells = cells;
    this.#places = places;
    this.#epoch1904 = epoch1904;
  }

  fault(field: ImportField | undefined, rule: ImportRule, allowed?: string | number): undefined {
    this.faults.push({
      row: this.#row,
      ...(field === undefined ? {} : { field }),
      rule,
      ...(allowed === undefined ? {} : { allowed: String(allowed) }),
    });
  }

  /** Undefined where the column is not mapped or the cell is empty; blanks around a text are the cell's, not the name's. */
  cell(field: ImportField): Cell | undefined {
    const at = this.#places[field];
    const cell = at === undefined ? undefined : this.#cells[at];
    if (typeof cell !== 'string') return cell;
    return cell.trim() === '' ? undefined : cell.trim();
  }

  text(field: ImportField, max: number, { required = false, personal = false } = {}): string | undefined {
    const cell = this.cell(field);
    if (cell === undefined) return required ? this.fault(field, 'missing') : undefined;
    // A number's digits are known, a name's are not: 1e3 in the place of a name is no name.
    if (typeof cell === 'number' && !personal && Number.isSafeInteger(cell)) return String(cell);
    if (typeof cell !== 'string') return this.fault(field, 'text_expected');
    const before = this.faults.length;
    if ([...cell].length > max) this.fault(field, 'too_long', max);
    if (CONTROL.test(cell) || !cell.isWellFormed()) this.fault(field, 'control_character');
    if (EXTERNAL.test(cell)) this.fault(field, 'external_character');
    if (LOST.test(cell)) this.fault(field, 'lost_character');
    if (personal && holdsMyNumber(cell)) this.fault(field, 'my_number_suspected');
    if (personal && !/[\p{L}\p{N}]/u.test(cell)) this.fault(field, 'no_letter');
    return this.faults.length === before ? cell : undefined;
  }

  date(field: ImportField, { required = false } = {}): JapanDay | undefined {
    const cell = this.cell(field);
    if (cell === undefined) return required ? this.fault(field, 'missing') : undefined;
    if (typeof cell === 'boolean') return this.fault(field, 'date_unreadable');
    const read = readWrittenDate(cell, this.#epoch1904);
    return 'day' in read ? read.day : this.fault(field, read.fault);
  }

  isEmpty(field: ImportField): boolean {
    return this.cell(field) === undefined;
  }
}
