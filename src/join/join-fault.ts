import type { Told } from './check-words.ts';

/** Why a step of joining is not done: what is wrong and what to do, in both languages. */
export class JoinFault extends Error {
  readonly told: Told;

  constructor(told: Told) {
    super(told.en);
    this.name = 'JoinFault';
    this.told = told;
  }
}
