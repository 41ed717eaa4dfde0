import type { World } from './model-checker.ts';

/** A mistake in the model, FAULT=`number`, and the smallest world in which it must be found. */
export type ModelFault = { readonly number: number; readonly mistake: string; readonly world: World };

const TWO_MOVES: World = { N: 3, T: 2, R: 0 };
const THREE_MOVES: World = { N: 3, T: 3, R: 0 };
const ONE_RESTORE: World = { N: 2, T: 1, R: 1 };
const RESTORE_AND_WITNESSES: World = { N: 3, T: 1, R: 1 };

export const MODEL_FAULTS: readonly ModelFault[] = [
  { number: 1, mistake: 'the destination activates on OFFER', world: TWO_MOVES },
  { number: 2, mistake: 'the source takes a RELEASED registration back after a time-out', world: TWO_MOVES },
  { number: 3, mistake: 'a second city is offered what is promised already', world: TWO_MOVES },
  { number: 4, mistake: 'the source does not keep its decision', world: TWO_MOVES },
  { number: 5, mistake: 'the destination obeys a repeated RELEASE again', world: TWO_MOVES },
  { number: 6, mistake: 'messages are sent before the commit', world: TWO_MOVES },
  { number: 7, mistake: 'ACTIVATED of an earlier transfer closes a later one', world: THREE_MOVES },
  { number: 8, mistake: 'ACTIVATED is sent before the certificates exist', world: TWO_MOVES },
  { number: 9, mistake: 'the source stops vouching at RELEASE', world: TWO_MOVES },
  { number: 10, mistake: 'the destination gives up alone after ACCEPT', world: TWO_MOVES },
  { number: 11, mistake: 'REJECT is obeyed after RELEASE', world: TWO_MOVES },
  { number: 12, mistake: 'a registration is dissolved while it is offered', world: TWO_MOVES },
  { number: 13, mistake: 'a dissolved registration can still be requested', world: TWO_MOVES },
  { number: 14, mistake: 'the epoch is not raised at the hand-over', world: TWO_MOVES },
  { number: 15, mistake: 'CANCEL is obeyed whoever signs it', world: TWO_MOVES },
  { number: 16, mistake: 'the key of a staged record survives CANCEL', world: TWO_MOVES },
  { number: 17, mistake: 'a restored authority goes on without quarantine', world: ONE_RESTORE },
  {
    number: 18,
    mistake: 'a restored authority returns after the first answer',
    world: RESTORE_AND_WITNESSES,
  },
  { number: 19, mistake: 'messages signed before a restore still count', world: ONE_RESTORE },
  { number: 20, mistake: 'a restored source is not shown its own CANCEL', world: ONE_RESTORE },
  { number: 21, mistake: 'evidence of an older epoch overrules newer evidence', world: ONE_RESTORE },
  { number: 22, mistake: 'ACCEPT counts whatever payload it accepts', world: ONE_RESTORE },
];
