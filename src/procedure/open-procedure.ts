import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { Actor } from '../kernel/role.ts';
import { findProtection } from '../registry/protection-store.ts';
import type { RegistrationState } from '../registry/registration.ts';
import { type RegistrationRow, requireRegistration } from '../registry/registration-store.ts';
import { agreementsBetween } from '../registry/rule-book.ts';
import { createSealer } from '../registry/vault.ts';
import { dueDay } from './due-day.ts';
import { type Filer, formFor, type ProcedureKind, ruleOf } from './procedure.ts';
import { audienceOf } from './procedure-access.ts';
import { ownRecord, type ProcedureDeps, todayOf } from './procedure-rules.ts';
import { type EasedBy, insertProcedure, recordProcedureStep } from './procedure-store.ts';

export type ProcedureWanted = {
  readonly kind: ProcedureKind;
  readonly filedBy: Filer;
  /** Left out for an oath only. */
  readonly registrationId?: string | undefined;
  /** For an oath: whose certificates the couple has, where an agreement spares documents of a new one. */
  readonly movedFrom?: AuthorityCode | undefined;
};

/**
 * Opens a procedure (手続の受付) as an empty draft. A partner opens what the table lets one partner file alone, in their own
 * name and about their own registration.
 *
 * @throws Refusal `procedure_not_possible`, `record_not_found`, `role_insufficient`, `request_malformed`, this also for `movedFrom` where nothing is spared
 */
export async function openProcedure(
  deps: ProcedureDeps,
  command: Command,
  wanted: ProcedureWanted,
): Promise<Answer> {
  const { clock, vault } = deps;
  const { kind, filedBy } = wanted;
  requireFiler(command.actor, wanted);
  return carryOutOnce(deps.db, clock, command, async (trx) => {
    const registration = await registrationOf(trx, command.actor, wanted);
    const easedBy = easingOf(deps, wanted);
    const id = newRandomId<'procedure'>();
    const openedAt = clock();
    const record = ownRecord(deps);
    await insertProcedure(trx, {
      id,
      kind,
      registration: registration && { id: registration.id, epoch: registration.epoch },
      filedBy,
      easedBy,
      formVersion: formFor(record, kind, todayOf(deps)),
      dueOn: dueDay(record, kind, 'draft', todayOf(deps), null),
      openedBy: command.actor.subject,
      openedAt,
    });
    await createSealer(trx, vault, { kind: 'procedure', id, epoch: 0 });
    await recordProcedureStep(trx, id, 'opened', openedAt);
    const isProtected = registration
      ? await findProtection(trx, registration)
      : { first: false, second: false };
    await appendEvent(trx, clock, {
      type: 'procedure_opened',
      actor: command.actor,
      record: { kind: 'procedure', id },
      ...audienceOf({ kind, filedBy, state: 'draft' }, isProtected),
      facts: { kind, filedBy },
    });
    return { status: 201, body: { procedureId: id } };
  });
}

/**
 * What the check before a move has promised (再宣誓, fewer documents): the agreement of the two that spares something.
 *
 * @throws Refusal `request_malformed` for another kind, or where no agreement of today spares anything
 */
function easingOf(deps: ProcedureDeps, { kind, movedFrom }: ProcedureWanted): EasedBy | null {
  if (movedFrom === undefined) return null;
  const pointer = '/movedFrom';
  if (ruleOf(kind).registration !== 'registers')
    throw new Refusal('request_malformed', { pointer, rule: 'additionalProperties' });
  const agreement = agreementsBetween(deps.rules, movedFrom, deps.authority, todayOf(deps)).find(
    ({ model }) => model === 'new_oath_with_waiver',
  );
  if (!agreement) throw new Refusal('request_malformed', { pointer, rule: 'no_waiver_agreed' });
  return { from: movedFrom, agreement: agreement.id, waived: agreement.waives };
}

function requireFiler(actor: Actor, { kind, filedBy }: ProcedureWanted): void {
  const rule = ruleOf(kind);
  if (!rule.filedBy.includes(filedBy))
    throw new Refusal('request_malformed', {
      pointer: '/filedBy',
      rule: 'enum',
      allowed: rule.filedBy.join(', '),
    });
  if (actor.kind !== 'partner') return;
  if (!rule.partnerOpens || filedBy === 'both' || filedBy === 'office')
    throw new Refusal('role_insufficient', { roles: ['clerk'] });
  if (filedBy !== actor.scope.position)
    throw new Refusal('request_malformed', { pointer: '/filedBy', rule: 'own_position' });
}

async function registrationOf(
  trx: Trx,
  actor: Actor,
  { kind, registrationId }: ProcedureWanted,
): Promise<RegistrationRow | null> {
  const isOath = ruleOf(kind).registration === 'registers';
  if (isOath !== (registrationId === undefined))
    throw new Refusal('request_malformed', {
      pointer: '/registrationId',
      rule: isOath ? 'additionalProperties' : 'required',
    });
  if (registrationId === undefined) return null;
  if (actor.kind === 'partner') {
    const { record } = actor.scope;
    if (record.kind !== 'registration' || record.id !== registrationId)
      throw new Refusal('record_not_found', {});
  }
  const row = await requireRegistration(trx, registrationId);
  requirePossible(kind, row.state);
  return row;
}

/** @throws Refusal `procedure_not_possible` */
export function requirePossible(kind: ProcedureKind, state: RegistrationState): void {
  const { possibleIn } = ruleOf(kind);
  if (!possibleIn.includes(state))
    throw new Refusal('procedure_not_possible', { state, allowed: possibleIn });
}
