import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { askAboutUs, type RecallDeps } from '../federation/ask-about-us.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { payloadHash } from '../federation/message.ts';
import type { Recall, Testimony } from '../federation/recall.ts';
import type { RecoveryDeps } from '../federation/recover-status-list.ts';
import {
  addWitnesses,
  enterQuarantine,
  findWitnesses,
  type NodeStanding,
  readStanding,
  returnIfAnswered,
  takeStanding,
  updateWitness,
  type Witness,
} from '../federation/standing-store.ts';
import type { EntityId } from '../kernel/authority.ts';
import { rebuildRecord } from './rebuild-record.ts';
import { type EvidenceDeps, type FetchRecord, takeEvidence } from './take-evidence.ts';

export type QuarantineDeps = EvidenceDeps &
  RecallDeps &
  RecoveryDeps & {
    readonly memberOf: (entityId: EntityId) => Member | undefined;
    /** The members as the trust anchor lists them now; undefined where it cannot be asked. */
    readonly listMembers: () => Promise<readonly Member[] | undefined>;
  };

/**
 * One turn of a quarantine: asks every member that has not answered, rolls forward on what they show, and returns to
 * service when nobody is left to ask. Members that were waived are asked for as long as it takes, also in service.
 *
 * @returns whether anything is left to do
 */
export async function workOnQuarantine(deps: QuarantineDeps): Promise<boolean> {
  const { db, clock } = deps;
  const standing = await readStanding(db);
  if (!(await isAsking(deps, standing))) return false;
  const witnesses = await findWitnesses(db, standing.generation);
  await Promise.all(witnesses.filter(({ answered }) => !answered).map((each) => hear(deps, standing, each)));
  const mayReturn = !standing.inService && !(await isAwaiting(deps, standing));
  if (mayReturn && (await completeWitnesses(deps, standing)))
    await inTransaction(db, (trx) => returnIfAnswered(trx, clock));
  return isAsking(deps, await readStanding(db));
}

async function isAsking({ db }: QuarantineDeps, { inService, generation }: NodeStanding): Promise<boolean> {
  if (!inService) return true;
  return (await findWitnesses(db, generation)).some(({ answered }) => !answered);
}

async function isAwaiting({ db }: QuarantineDeps, { generation }: NodeStanding): Promise<boolean> {
  return (await findWitnesses(db, generation)).some(({ answered, waived }) => !answered && !waived);
}

/**
 * The restored database may be older than a membership, so the anchor's list is asked for before the return. Where the anchor
 * cannot be reached, only the two administrators who waive an answer take that risk.
 */
async function completeWitnesses(deps: QuarantineDeps, { generation }: NodeStanding): Promise<boolean> {
  const { db, self } = deps;
  const listed = await deps.listMembers();
  if (!listed) return (await findWitnesses(db, generation)).some(({ waived }) => waived);
  const others = listed.filter(({ entityId }) => entityId !== self);
  await inTransaction(db, async (trx) => {
    if ((await takeStanding(trx)).generation === generation) await addWitnesses(trx, generation, others);
  });
  return true;
}

/** Asks one member, page by page. What was taken is not asked for again, whatever happens in between. */
async function hear(deps: QuarantineDeps, standing: NodeStanding, witness: Witness): Promise<void> {
  const member = deps.memberOf(witness.entityId);
  if (!member) return note(deps, standing, witness, 'not_a_member');
  for (let after = witness.cursor; ; ) {
    const told = await askAboutUs(deps, member, questionOf(standing, { after }));
    if (told.kind === 'unreachable') return note(deps, standing, witness, 'unreachable');
    if (told.kind === 'unreadable') return note(deps, standing, witness, 'testimony_unreadable');
    const { testimony } = told;
    if (!isAboutThis(standing, testimony)) return beginAgain(deps, standing, testimony);
    for (const item of testimony.items) {
      const fault = await takeEvidence(deps, item, member, {
        under: standing.generation,
        generation: testimony.generation,
        fetchRecord: recordFrom(deps, standing, member),
      });
      if (fault) return note(deps, standing, witness, fault);
    }
    if (testimony.next === undefined) return note(deps, standing, witness, undefined);
    // Pages go on in one order: a member that leads in circles would hold up whoever waits beside it for ever.
    if (after !== undefined && testimony.next.toLowerCase() <= after)
      return note(deps, standing, witness, 'testimony_unreadable');
    after = testimony.next.toLowerCase();
    const cursor = after;
    await inTransaction(deps.db, (trx) =>
      updateWitness(trx, standing.generation, witness.entityId, { cursor }),
    );
  }
}

function questionOf(
  { generation, nonce }: NodeStanding,
  about: { readonly after?: string | undefined; readonly record?: string },
): Recall {
  return { ask: 'evidence', generation, nonce, after: about.after, record: about.record };
}

/** The witness must have taken note of this quarantine: only then can nothing older arrive any more. */
function isAboutThis({ generation, nonce }: NodeStanding, { seen }: Testimony): boolean {
  return seen.generation === generation && seen.nonce === nonce;
}

/** It knows of a quarantine under this number or a higher one, which this authority has forgotten. */
async function beginAgain(
  { db, clock, self }: QuarantineDeps,
  { generation }: NodeStanding,
  { seen }: Testimony,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    if ((await takeStanding(trx)).generation !== generation) return;
    await enterQuarantine(trx, clock, { cause: 'generation_known', self, above: seen.generation });
  });
}

function recordFrom(deps: QuarantineDeps, standing: NodeStanding, member: Member): FetchRecord {
  return async (trx, terms) => {
    const told = await askAboutUs(deps, member, questionOf(standing, { record: terms.tid }));
    if (told.kind !== 'told' || !told.payload || !isAboutThis(standing, told.testimony)) return undefined;
    if (payloadHash(told.payload) !== terms.payloadHash) return undefined;
    return rebuildRecord(trx, deps, terms, told.payload);
  };
}

/** Writes down how far a member's answer has come; without a fault it has answered. */
async function note(
  { db, clock }: QuarantineDeps,
  { generation }: NodeStanding,
  witness: Witness,
  fault: string | undefined,
): Promise<void> {
  if (fault !== undefined && fault === witness.fault) return;
  await inTransaction(db, async (trx) => {
    await updateWitness(
      trx,
      generation,
      witness.entityId,
      fault === undefined ? { answeredAt: clock(), fault: null } : { fault },
    );
    await appendEvent(trx, clock, {
      type: 'witness_heard',
      actor: { kind: 'peer', subject: witness.code },
      visibility: 'staff',
      outcome: fault === undefined ? 'done' : 'refused',
      facts: { from: witness.code, ...(fault === undefined ? {} : { fault }) },
    });
  });
}
