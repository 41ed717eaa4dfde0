import type { Db, Trx } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { destroyDataKey, openSealer, type Vault } from '../registry/vault.ts';
import { ruleOf } from './procedure.ts';
import type { Draft } from './procedure-content.ts';
import { OPEN_STATES, type ProcedureState } from './procedure-state.ts';
import type { ProcedureRow } from './procedure-store.ts';

type Sealed = Pick<ProcedureRow, 'id' | 'kind' | 'state' | 'content'>;

const subjectOf = ({ id }: Pick<Sealed, 'id'>) => ({ kind: 'procedure', id, epoch: 0 }) as const;

/** In which states a content can still be read: an oath's, once done, stands in the registration. */
export function isReadable({ kind, state }: Pick<Sealed, 'kind' | 'state'>): boolean {
  return statesWithContent(kind).includes(state);
}

function statesWithContent(kind: Sealed['kind']): readonly ProcedureState[] {
  return ruleOf(kind).keepsContent ? [...OPEN_STATES, 'done'] : OPEN_STATES;
}

/**
 * What was filled in so far; empty before anything was.
 *
 * @throws Refusal `procedure_state_conflict` where it was destroyed
 */
export async function readDraft(db: Db | Trx, vault: Vault, row: Sealed): Promise<Draft> {
  const sealer = await openSealer(db, vault, subjectOf(row));
  if (!sealer)
    throw new Refusal('procedure_state_conflict', {
      state: row.state,
      allowed: statesWithContent(row.kind),
    });
  return row.content === null ? {} : (JSON.parse(sealer.open('content', row.content)) as Draft);
}

export async function sealDraft(trx: Trx, vault: Vault, row: Sealed, content: Draft): Promise<Buffer> {
  const sealer = await openSealer(trx, vault, subjectOf(row));
  if (!sealer) throw new Error('an open procedure without its data key');
  return sealer.seal('content', JSON.stringify(content));
}

/** Destroys what was filled in where the state that is reached needs it no more. */
export async function closeDraft(
  trx: Trx,
  clock: Clock,
  row: Pick<Sealed, 'id' | 'kind'>,
  state: ProcedureState,
): Promise<void> {
  if (!isReadable({ kind: row.kind, state })) await destroyDataKey(trx, clock, subjectOf(row));
}
