/** Why nothing was printed. Codes and places only: never a name, nor a word of what was to be printed. */
export type PrintFaultCode =
  | 'glyphs_missing'
  | 'address_not_printable'
  | 'does_not_fit'
  | 'not_typeset'
  | 'job_too_large'
  | 'print_shop_busy'
  | 'print_shop_closed'
  | 'process_ended'
  | 'time_limit_passed'
  | 'seal_key_unusable';

export class PrintFault extends Error {
  readonly code: PrintFaultCode;
  /** With `glyphs_missing`: JSON pointers into the job's data of what no font can draw. */
  readonly fields: readonly string[];

  constructor(code: PrintFaultCode, fields: readonly string[] = []) {
    super(fields.length === 0 ? code : `${code}: ${fields.join(', ')}`);
    this.name = 'PrintFault';
    this.code = code;
    this.fields = fields;
  }
}
