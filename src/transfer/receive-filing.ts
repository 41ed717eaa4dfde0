import { appendEvent } from '../audit/audit-log.ts';
import type { Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import type { OpenedMessage } from '../federation/message-envelope.ts';
import type { Handled } from '../federation/receive-message.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan, epochSeconds } from '../kernel/clock.ts';
import type { Id } from '../kernel/id.ts';
import { POSITIONS } from '../kernel/role.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import { createSealer, type Vault } from '../registry/vault.ts';
import { type Application, assessApplication } from './application.ts';
import { type FilingPayload, modelsBetween, readFilingPayload } from './filing.ts';
import {
  findTransfer,
  insertConsent,
  insertTransfer,
  lockFor,
  recordStep,
  updateTransfer,
} from './transfer-store.ts';

export type FilingDeps = {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly authority: AuthorityCode;
  readonly rules: RuleBook;
  /** Whether something has the form of an application in the contract: a peer's word is not enough. */
  readonly isApplication: (content: unknown) => boolean;
};

/**
 * Takes in what a couple filed with another authority: a case that waits for the counter, sealed under a key of its
 * own. Nothing is decided by it; the origin's request for an answer is as good as a couple's at the counter.
 */
export async function receiveFiling(
  trx: Trx,
  deps: FilingDeps,
  { tid, payload }: OpenedMessage,
  from: Member,
): Promise<Handled> {
  await lockFor(trx, 'transfer', tid);
  const known = await findTransfer(trx, tid);
  if (known) {
    return known.peer === from.entityId && known.filedAs && known.side === 'destination'
      ? { result: 'repeated' }
      : { result: 'refused', reason: 'transfer_unknown' };
  }
  const filing = readFilingPayload(payload?.text ?? '');
  if (!filing || !isWellFormed(deps, filing, from)) return { result: 'refused', reason: 'malformed' };
  const now = epochSeconds(deps.clock());
  const isMember = from.memberships.some(
    ({ from: since, until }) => since <= now && (until === undefined || now < until),
  );
  const between = { origin: from.code, destination: deps.authority };
  const on = dayInJapan(deps.clock());
  if (!isMember || !modelsBetween(deps.rules, between, on).includes(filing.model))
    return { result: 'refused', reason: 'not_in_agreement' };
  await open(trx, deps, tid as Id<'transfer'>, filing, from);
  return { result: 'accepted' };
}

/** Consents of the two partners with certificates of the sender, and the evidence that their way of consenting needs. */
function isWellFormed(
  { authority, isApplication }: FilingDeps,
  { destination, application, consents }: FilingPayload,
  from: Member,
): boolean {
  const { first, second } = consents;
  return (
    destination === authority &&
    isApplication(application) &&
    first.certificate.statusIndex !== second.certificate.statusIndex &&
    [first, second].every(
      ({ method, evidenceSha256, certificate }) =>
        certificate.statusUri === from.statusListUri &&
        (method !== 'counter' || /^[0-9a-f]{64}$/.test(evidenceSha256 ?? '')),
    )
  );
}

async function open(
  trx: Trx,
  deps: FilingDeps,
  id: Id<'transfer'>,
  { application, consents, model }: FilingPayload,
  from: Member,
): Promise<void> {
  const { clock, vault } = deps;
  const at = clock();
  await insertTransfer(trx, {
    id,
    side: 'destination',
    state: 'filed',
    peer: from.entityId,
    peerCode: from.code,
    openedBy: from.code,
    at,
    filedAs: model,
  });
  const sealer = await createSealer(trx, vault, { kind: 'transfer', id, epoch: 0 });
  const content = application as unknown as Application;
  const unmet = assessApplication(
    deps,
    { application: content, origin: from.code, on: dayInJapan(at) },
    { first: null, second: null },
  );
  const sealed = sealer.seal('application', JSON.stringify(content));
  await updateTransfer(trx, id, { application: sealed, unmet }, at);
  for (const position of POSITIONS)
    await insertConsent(trx, id, { ...consents[position], position, disclosed: null });
  await recordStep(trx, id, 'filed', at);
  await appendEvent(trx, clock, {
    type: 'filing_received',
    actor: { kind: 'peer', subject: from.code },
    record: { kind: 'transfer', id },
    visibility: 'both',
    facts: { from: from.code },
  });
}
