/** An answer that is not in the contract: a fault of ours, so nothing of it leaves the process. */
export class AnswerFault extends Error {
  readonly code = 'ANSWER_OUTSIDE_CONTRACT';
  /** Pointer and rule, in names of the contract only. */
  readonly where: string;

  constructor(where: string) {
    super(`The answer is not in the contract: ${where}`);
    this.name = 'AnswerFault';
    this.where = where;
  }
}
