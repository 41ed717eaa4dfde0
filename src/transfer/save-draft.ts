import { appendEvent } from '../audit/audit-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Clock } from '../kernel/clock.ts';
import { holdsMyNumber } from '../kernel/my-number.ts';
import { Refusal, type RefusalFacts } from '../kernel/refusal.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';
import type { Application } from './application.ts';
import { requireCommand } from './case-state.ts';
import { type SubmitDeps, submitApplication } from './submit-application.ts';
import {
  findTransfer,
  lockFor,
  requireTransfer,
  type TransferRow,
  updateTransfer,
} from './transfer-store.ts';

/** An application that is being filled in: any part of it may be missing, and none is refused for what it lacks. */
export type ApplicationDraft = {
  readonly move?: Record<string, unknown>;
  readonly partners?: Partial<Record<PartnerPosition, Record<string, unknown>>>;
  readonly couple?: Record<string, unknown>;
};

type DraftDeps = { readonly db: Db; readonly clock: Clock; readonly vault: Vault };

/**
 * Keeps what was filled in. A partner writes their own part and what concerns both; the counter writes all. Parts that
 * are not sent stay as they are, so that two people who fill in at the same time lose nothing.
 *
 * @throws Refusal `my_number_suspected`, `request_malformed` for the other's part, `transfer_state_conflict`
 */
export async function saveDraft(
  { db, clock, vault }: DraftDeps,
  actor: Actor,
  transferId: string,
  sent: ApplicationDraft,
): Promise<void> {
  refuseMyNumber(sent, '');
  requireOwnPart(actor, sent);
  await inTransaction(db, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireCommand('save_draft', row);
    const sealer = await requireSealer(trx, vault, row);
    const stored = draftOf(sealer, row);
    const next = { ...stored, ...sent, partners: { ...stored.partners, ...sent.partners } };
    await updateTransfer(trx, row.id, { draft: sealer.seal('draft', JSON.stringify(next)) }, clock());
    await appendEvent(trx, clock, {
      type: 'transfer_draft_saved',
      actor,
      record: { kind: 'transfer', id: row.id },
      // When one partner sits over the form is not the other one's business.
      visibility: 'acting',
      facts: {},
    });
  });
}

/** What is filled in so far; of a partner without the other's part. What was submitted is where a correction starts. */
export async function readDraft(
  db: Db | Trx,
  vault: Vault,
  row: TransferRow,
  actor: Actor,
): Promise<ApplicationDraft> {
  const sealer = await openSealer(db, vault, { kind: 'transfer', id: row.id, epoch: 0 });
  if (!sealer) throw new Refusal('record_not_found', {});
  const draft = draftOf(sealer, row);
  if (actor.kind !== 'partner') return draft;
  const own = draft.partners?.[actor.scope.position];
  return { ...draft, partners: own ? { [actor.scope.position]: own } : {} };
}

export type SubmitDraftDeps = SubmitDeps & {
  /** Where an application leaves the form of the contract; undefined where it has it. */
  readonly contentFault: (content: unknown) => RefusalFacts['request_malformed'] | undefined;
};

/**
 * Hands in what is filled in.
 *
 * @throws Refusal `procedure_incomplete` that names the first thing missing; of the other's part only that it is
 */
export async function submitDraft(deps: SubmitDraftDeps, actor: Actor, transferId: string): Promise<void> {
  const row = await findTransfer(deps.db, transferId);
  if (!row) throw new Refusal('record_not_found', {});
  requireCommand('submit', row);
  const content = draftOf(await requireSealer(deps.db, deps.vault, row), row);
  const fault = deps.contentFault(content);
  if (fault) throw new Refusal('procedure_incomplete', toldTo(actor, fault));
  await submitApplication(deps, actor, transferId, content as Application);
}

function toldTo(
  actor: Actor,
  fault: RefusalFacts['request_malformed'],
): RefusalFacts['procedure_incomplete'] {
  if (actor.kind !== 'partner') return fault;
  const [other] = POSITIONS.filter((each) => each !== actor.scope.position);
  const pointer = `/partners/${other}`;
  return fault.pointer.startsWith(pointer) ? { pointer, rule: 'completed_by_others' } : fault;
}

function draftOf(sealer: Sealer, row: TransferRow): ApplicationDraft {
  if (row.draft) return JSON.parse(sealer.open('draft', row.draft)) as ApplicationDraft;
  return row.application ? (JSON.parse(sealer.open('application', row.application)) as Application) : {};
}

async function requireSealer(db: Db | Trx, vault: Vault, { id }: TransferRow): Promise<Sealer> {
  const sealer = await openSealer(db, vault, { kind: 'transfer', id, epoch: 0 });
  if (!sealer) throw new Error('the data key of an open case is gone');
  return sealer;
}

function requireOwnPart(actor: Actor, { partners }: ApplicationDraft): void {
  if (actor.kind !== 'partner') return;
  for (const other of POSITIONS)
    if (other !== actor.scope.position && partners?.[other])
      throw new Refusal('request_malformed', { pointer: `/partners/${other}`, rule: 'own_position' });
}

/** A draft has no form that could refuse a twelve-digit number (番号法20条), so it is looked for in every text. */
function refuseMyNumber(value: unknown, pointer: string): void {
  if (typeof value === 'string' && holdsMyNumber(value))
    throw new Refusal('my_number_suspected', { pointer });
  if (value === null || typeof value !== 'object') return;
  for (const [name, each] of Object.entries(value)) refuseMyNumber(each, `${pointer}/${name}`);
}
