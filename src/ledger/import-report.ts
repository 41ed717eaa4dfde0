import type { CheckedRegister } from './check-register.ts';
import type { ColumnMapping } from './column-mapping.ts';

/** Counts, places and rules: a report is kept in the clear, so nothing that stands in a cell may come into it. */
export type ImportReport = {
  readonly good: number;
  readonly faulty: number;
  readonly alreadyThere: number;
  readonly registered?: number;
  readonly faults: readonly ReportedFault[];
  readonly more: boolean;
};

export type ReportedFault = {
  readonly row: number;
  /** The heading as the clerk mapped it. */
  readonly column?: string;
  readonly rule: string;
  readonly allowed?: string;
};

/** Whoever has more to mend begins with these. */
const MAX_FAULTS = 1000;

export function reportOf(
  { good, faults, faultyRows, alreadyThere }: CheckedRegister,
  mapping: ColumnMapping,
  registered?: number,
): ImportReport {
  return {
    good: good.length,
    faulty: faultyRows,
    alreadyThere,
    ...(registered === undefined ? {} : { registered }),
    faults: faults.slice(0, MAX_FAULTS).map(({ row, field, rule, allowed }) => {
      const column = field === undefined ? undefined : mapping[field];
      return {
        row,
        ...(column === undefined ? {} : { column }),
        rule,
        ...(allowed === undefined ? {} : { allowed }),
      };
    }),
    more: faults.length > MAX_FAULTS,
  };
}
