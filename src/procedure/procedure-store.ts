import { sql } from 'kysely';
import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { ToConfirm } from '../registry/requirement.ts';
import type { Waiver } from '../registry/rule-set.ts';
import type { Filer, ProcedureKind } from './procedure.ts';
import { OPEN_STATES, type ProcedureState } from './procedure-state.ts';

export type Appointment = { readonly on: string; readonly at: string };

export type ProcedureRow = {
  readonly id: Id<'procedure'>;
  readonly kind: ProcedureKind;
  readonly state: ProcedureState;
  /** Null for an oath until it is registered. */
  readonly registration: { readonly id: string; readonly epoch: number } | null;
  readonly filedBy: Filer;
  readonly formVersion: string;
  /** Sealed with the procedure's data key, column `content`; null before anything was saved. */
  readonly content: Buffer | null;
  readonly appointment: Appointment | null;
  readonly dueOn: string | null;
  readonly reasons: readonly string[];
  readonly toConfirm: readonly ToConfirm[];
  readonly openedBy: string;
  readonly openedAt: Date;
  readonly changedAt: Date;
  readonly decidedBy: string | null;
  /** What an agreement spares a couple that swears anew; null for everybody else. */
  readonly easedBy: EasedBy | null;
};

/** As the rules stood on the day the procedure was opened. `from`: whose certificates stand in for what is spared. */
export type EasedBy = {
  readonly from: AuthorityCode;
  readonly agreement: string;
  readonly waived: readonly Waiver[];
};

const COLUMNS = [
  'id',
  'kind',
  'state',
  'registration_id',
  'epoch',
  'filed_by',
  'form_version',
  'content',
  'appointment_on',
  'appointment_at',
  'due_on',
  'reasons',
  'to_confirm',
  'opened_by',
  'opened_at',
  'changed_at',
  'decided_by',
  'eased_by',
] as const;

export type NewProcedure = Pick<
  ProcedureRow,
  'id' | 'kind' | 'registration' | 'filedBy' | 'formVersion' | 'dueOn' | 'openedBy' | 'openedAt' | 'easedBy'
>;

export async function insertProcedure(trx: Trx, procedure: NewProcedure): Promise<void> {
  await trx
    .insertInto('procedure')
    .values({
      id: procedure.id,
      kind: procedure.kind,
      state: 'draft',
      registration_id: procedure.registration?.id ?? null,
      epoch: procedure.registration?.epoch ?? null,
      filed_by: procedure.filedBy,
      form_version: procedure.formVersion,
      due_on: procedure.dueOn,
      eased_by: procedure.easedBy && JSON.stringify(procedure.easedBy),
      opened_by: procedure.openedBy,
      opened_at: procedure.openedAt,
      changed_at: procedure.openedAt,
    })
    .execute();
}

export async function findProcedure(
  db: Db | Trx,
  id: string,
  { forUpdate = false } = {},
): Promise<ProcedureRow | undefined> {
  const query = db.selectFrom('procedure').select(COLUMNS).where('id', '=', id);
  const row = await (forUpdate ? query.forUpdate() : query).executeTakeFirst();
  return row && toRow(row);
}

/** @throws Refusal `record_not_found` */
export async function requireProcedure(
  db: Db | Trx,
  id: string,
  options?: { forUpdate?: boolean },
): Promise<ProcedureRow> {
  const row = await findProcedure(db, id, options);
  if (!row) throw new Refusal('record_not_found', {});
  return row;
}

export type ProcedureFilter = {
  readonly kind?: ProcedureKind | undefined;
  readonly state?: ProcedureState | undefined;
  readonly registrationId?: string | undefined;
  readonly limit: number;
};

/** Those that wait for somebody first, and of them what is due first; then the others, the latest first. */
export async function listProcedures(db: Db, filter: ProcedureFilter): Promise<ProcedureRow[]> {
  let query = db.selectFrom('procedure').select(COLUMNS).limit(filter.limit);
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind);
  if (filter.state !== undefined) query = query.where('state', '=', filter.state);
  if (filter.registrationId !== undefined) query = query.where('registration_id', '=', filter.registrationId);
  const rows = await query
    .orderBy(
      sql`case when state in (${sql.join(OPEN_STATES.map((state) => sql.lit(state)))}) then 0 else 1 end`,
    )
    .orderBy('due_on', (order) => order.asc().nullsLast())
    .orderBy('changed_at', 'desc')
    .execute();
  return rows.map(toRow);
}

export type ProcedureChange = {
  readonly state?: ProcedureState;
  readonly registration?: { readonly id: string; readonly epoch: number };
  readonly formVersion?: string;
  readonly content?: Buffer;
  readonly appointment?: Appointment;
  readonly dueOn?: string | null;
  readonly reasons?: readonly string[];
  readonly toConfirm?: readonly ToConfirm[];
  readonly decidedBy?: string;
};

export async function updateProcedure(
  trx: Trx,
  id: string,
  change: ProcedureChange,
  at: Date,
): Promise<void> {
  const { state, registration, formVersion, content, appointment, dueOn, reasons, toConfirm, decidedBy } =
    change;
  await trx
    .updateTable('procedure')
    .set({
      changed_at: at,
      ...(state === undefined ? {} : { state }),
      ...(registration ? { registration_id: registration.id, epoch: registration.epoch } : {}),
      ...(formVersion === undefined ? {} : { form_version: formVersion }),
      ...(content ? { content } : {}),
      ...(appointment ? { appointment_on: appointment.on, appointment_at: appointment.at } : {}),
      ...(dueOn === undefined ? {} : { due_on: dueOn }),
      ...(reasons ? { reasons: JSON.stringify(reasons) } : {}),
      ...(toConfirm ? { to_confirm: JSON.stringify(toConfirm) } : {}),
      ...(decidedBy === undefined ? {} : { decided_by: decidedBy }),
    })
    .where('id', '=', id)
    .execute();
}

export type ProcedureStep = { readonly step: string; readonly at: Date };

/** To be called under the procedure's row lock, which keeps the numbers apart. */
export async function recordProcedureStep(trx: Trx, id: string, step: string, at: Date): Promise<void> {
  const { last } = await trx
    .selectFrom('procedure_step')
    .select((each) => each.fn.max('number').as('last'))
    .where('procedure_id', '=', id)
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('procedure_step')
    .values({ procedure_id: id, number: (last ?? 0) + 1, step, at })
    .execute();
}

export async function findProcedureSteps(db: Db | Trx, id: string): Promise<readonly ProcedureStep[]> {
  return (await findStepsOf(db, [id])).get(id) ?? [];
}

/** The steps of each, in one reading. */
export async function findStepsOf(
  db: Db | Trx,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly ProcedureStep[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('procedure_step')
    .select(['procedure_id', 'step', 'at'])
    .where('procedure_id', 'in', ids)
    .orderBy('procedure_id')
    .orderBy('number')
    .execute();
  return Map.groupBy(rows, (row) => row.procedure_id);
}

type Stored = {
  id: string;
  kind: ProcedureKind;
  state: ProcedureState;
  registration_id: string | null;
  epoch: number | null;
  filed_by: Filer;
  form_version: string;
  content: Buffer | null;
  appointment_on: string | null;
  appointment_at: string | null;
  due_on: string | null;
  reasons: unknown;
  to_confirm: unknown;
  opened_by: string;
  opened_at: Date;
  changed_at: Date;
  decided_by: string | null;
  eased_by: unknown;
};

function toRow(row: Stored): ProcedureRow {
  return {
    id: row.id as Id<'procedure'>,
    kind: row.kind,
    state: row.state,
    registration:
      row.registration_id === null || row.epoch === null
        ? null
        : { id: row.registration_id, epoch: row.epoch },
    filedBy: row.filed_by,
    formVersion: row.form_version,
    content: row.content,
    appointment:
      row.appointment_on === null || row.appointment_at === null
        ? null
        : { on: row.appointment_on, at: row.appointment_at },
    dueOn: row.due_on,
    reasons: row.reasons as string[],
    toConfirm: row.to_confirm as ToConfirm[],
    openedBy: row.opened_by,
    openedAt: row.opened_at,
    changedAt: row.changed_at,
    decidedBy: row.decided_by,
    easedBy: row.eased_by as EasedBy | null,
  };
}
