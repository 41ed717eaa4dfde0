import { appendEvent } from '../audit/audit-log.ts';
import type { Db } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { type Actor, POSITIONS } from '../kernel/role.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import { type Application, assessApplication, type ContinuationRules } from './application.ts';
import { requireCommand } from './case-state.ts';
import { consentsTouched } from './consent-scope.ts';
import {
  findConsents,
  lockFor,
  recordStep,
  requireTransfer,
  supersedeConsents,
  updateTransfer,
} from './transfer-store.ts';

export type SubmitDeps = ContinuationRules & {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
};

/**
 * Takes the application, or its correction. What the rules will ask for is told at once and stops nobody yet: the
 * couple may bring a missing paper later. A consent that covers what was changed ends, since it was to another text; the
 * others stay, and where both stay nobody is asked again.
 *
 * @throws Refusal `transfer_state_conflict` once somebody has decided
 */
export async function submitApplication(
  deps: SubmitDeps,
  actor: Actor,
  transferId: string,
  application: Application,
): Promise<void> {
  const { db, clock, vault } = deps;
  await inTransaction(db, async (trx) => {
    await lockFor(trx, 'transfer', transferId);
    const row = await requireTransfer(trx, transferId);
    requireCommand('submit', row);
    const at = clock();
    const sealer = await openSealer(trx, vault, { kind: 'transfer', id: transferId, epoch: 0 });
    if (!sealer) throw new Error('the data key of an open case is gone');
    const unmet = assessApplication(
      deps,
      { application, origin: row.peerCode, on: dayInJapan(at) },
      { first: null, second: null },
    );
    const before = row.application
      ? (JSON.parse(sealer.open('application', row.application)) as Application)
      : undefined;
    for (const position of consentsTouched(before, application))
      await supersedeConsents(trx, transferId, at, position);
    const standing = await findConsents(trx, transferId);
    const state = standing.length === POSITIONS.length ? 'consented' : 'submitted';
    await updateTransfer(
      trx,
      transferId,
      {
        state,
        application: sealer.seal('application', JSON.stringify(application)),
        draft: null,
        unmet,
        reasons: [],
        corrections: [],
      },
      at,
    );
    await recordStep(trx, transferId, 'submitted', at);
    if (state === 'consented') await recordStep(trx, transferId, state, at);
    await appendEvent(trx, clock, {
      type: 'transfer_submitted',
      actor,
      record: { kind: 'transfer', id: transferId },
      visibility: 'both',
      facts: {},
    });
  });
}
