export type EmbeddedPostgresFaultCode =
  /** No PostgreSQL is shipped for this operating system and processor. */
  | 'platform_unsupported'
  /** The shipped programs do not run here. */
  | 'program_unusable'
  /** The data folder cannot be created, or belongs to somebody else. */
  | 'folder_unusable'
  /** Another process of this program has the data folder. */
  | 'folder_in_use'
  /** Made by another major version of PostgreSQL. */
  | 'folder_other_version'
  /** PostgreSQL does not accept what is in the data folder. */
  | 'folder_damaged'
  /** PostgreSQL stopped or hung while starting; its log says why. */
  | 'start_failed';

/** Why the embedded database does not start: one sentence that says what to do. */
export class EmbeddedPostgresFault extends Error {
  readonly code: EmbeddedPostgresFaultCode;

  constructor(code: EmbeddedPostgresFaultCode, sentence: string) {
    super(sentence);
    this.name = 'EmbeddedPostgresFault';
    this.code = code;
  }
}
