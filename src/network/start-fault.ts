export type StartFaultCode =
  | 'option_unknown'
  | 'choice_unusable'
  | 'port_unusable'
  | 'port_busy'
  | 'folder_unusable'
  | 'folder_of_other_ports'
  | 'file_damaged'
  | 'keys_missing'
  | 'process_failed';

/** Why the network does not start: one sentence per language that says what to do. */
export class StartFault extends Error {
  readonly code: StartFaultCode;
  readonly ja: string;

  constructor(code: StartFaultCode, sentence: { readonly ja: string; readonly en: string }) {
    super(sentence.en);
    this.name = 'StartFault';
    this.code = code;
    this.ja = sentence.ja;
  }
}
