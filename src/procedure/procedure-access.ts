import type { AuditEvent } from '../audit/audit-event.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { findProtection } from '../registry/protection-store.ts';
import type { Couple } from '../registry/registration-store.ts';
import { ruleOf } from './procedure.ts';
import { mayFillIn } from './procedure-content.ts';
import { findProcedure, type ProcedureRow } from './procedure-store.ts';

type Seen = Pick<ProcedureRow, 'kind' | 'state' | 'filedBy'>;

/**
 * Whether one partner may know of a procedure. Their own and a common one always. What the other filed alone, or the
 * office by its own knowledge, only once it has been carried out: a draft of a dissolution tells on whoever thinks of
 * it. What a protected partner filed alone, never.
 */
export function isVisibleTo(
  { kind, state, filedBy }: Seen,
  position: PartnerPosition,
  isProtected: Couple<boolean>,
): boolean {
  if (mayFillIn(filedBy, position)) return true;
  if (state !== 'done') return false;
  if (filedBy === 'first' || filedBy === 'second') return !isProtected[filedBy];
  return ruleOf(kind).registration === 'ends' || !(isProtected.first || isProtected.second);
}

/** Who may read an event of a procedure: exactly those who may know of the procedure when it happens. */
export function audienceOf(
  row: Seen,
  isProtected: Couple<boolean>,
): Pick<AuditEvent, 'visibility' | 'position'> {
  const { filedBy } = row;
  if (isVisibleTo(row, 'first', isProtected) && isVisibleTo(row, 'second', isProtected))
    return { visibility: 'both' };
  return filedBy === 'first' || filedBy === 'second'
    ? { visibility: 'acting', position: filedBy }
    : { visibility: 'staff' };
}

export type Accessed = { readonly row: ProcedureRow; readonly isProtected: Couple<boolean> };

/**
 * The procedure, if the actor may see it, or fill it in. To a partner any other is as if it were not there.
 *
 * @throws Refusal `record_not_found`
 */
export async function requireAccess(
  db: Db | Trx,
  actor: Actor,
  id: string,
  to: 'see' | 'fill_in',
  { forUpdate = false } = {},
): Promise<Accessed> {
  const row = await findProcedure(db, id, { forUpdate });
  if (!row) throw new Refusal('record_not_found', {});
  const isProtected = row.registration
    ? await findProtection(db, row.registration)
    : { first: false, second: false };
  if (actor.kind === 'partner') {
    const { record, position } = actor.scope;
    const isTheirs =
      (record.kind === 'procedure' && record.id === row.id) ||
      (record.kind === 'registration' && record.id === row.registration?.id);
    const may = to === 'see' ? isVisibleTo(row, position, isProtected) : mayFillIn(row.filedBy, position);
    if (!isTheirs || !may) throw new Refusal('record_not_found', {});
  }
  return { row, isProtected };
}
