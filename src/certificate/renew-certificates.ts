import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import { DatabaseFault } from '../db/database-fault.ts';
import { inTransaction } from '../db/transaction.ts';
import { newId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { sealerOfWrapped } from '../registry/vault.ts';
import { type CertificateRow, numberColumn, type SignedIntent } from './certificate-store.ts';
import { findRenewalIntents, insertIntents, type SealedIntent, sealIntent } from './intent-store.ts';
import { type IssueDeps, newPeriod } from './issue-certificates.ts';
import {
  countDue,
  type DueCertificate,
  findOpenRenewals,
  insertRenewal,
  type RenewalRow,
  type RenewalWish,
  recordProgress,
  takeDue,
  tryRenewalTurn,
} from './renewal-store.ts';
import { recordSigned, signCouple } from './sign-certificates.ts';

/** How many certificates are renewed with one version of the status list. */
const AT_ONCE = 500;
/** Couples whose record is read at the same time: the register's daily work needs connections too. */
const LANES = 3;

/**
 * Begins to renew many certificates (受領証の一括更新); `renewSome` does the work.
 *
 * @param pastKeys certificate keys that sign no more: a present one would only sign the same again
 * @throws Refusal `request_malformed` with the rule `not_past_key`
 */
export async function startRenewal(
  deps: Omit<IssueDeps, 'vault'>,
  command: Command,
  wish: RenewalWish,
  pastKeys: readonly string[],
): Promise<Answer> {
  const { db, clock } = deps;
  checkWish(wish, pastKeys);
  return carryOutOnce(db, clock, command, async (trx) => {
    const total = await countDue(trx, wish, newPeriod(deps).expiresOn);
    const id = newId<'renewal'>(clock);
    const row = await insertRenewal(trx, { id, wish, total, by: command.actor.subject, at: clock() });
    await appendEvent(trx, clock, {
      type: 'renewal_started',
      actor: command.actor,
      visibility: 'staff',
      facts: { renewalId: id, reason: wish.reason, total },
    });
    return { status: 201, body: renewalBody(row) };
  });
}

function checkWish(wish: RenewalWish, pastKeys: readonly string[]): void {
  if (wish.reason === 'key_compromised' && !pastKeys.includes(wish.keyId))
    throw new Refusal('request_malformed', { pointer: '/keyId', rule: 'not_past_key' });
}

export function renewalBody({ id, wish, total, done, startedAt, finishedAt }: RenewalRow): Answer['body'] {
  return {
    renewalId: id,
    reason: wish.reason,
    total,
    done,
    startedAt: startedAt.toISOString(),
    ...(finishedAt ? { finishedAt: finishedAt.toISOString() } : {}),
  };
}

/**
 * Renews up to `limit` certificates of the renewals that are open, and finishes first what a process left that died.
 * Each certificate stays good until the transaction in which its successor begins, one transaction and one version of
 * the status list for all of them. Any number of processes may call it: one of them has its turn.
 *
 * @returns how many were renewed now; 0 where nothing is left or it is another process's turn
 * @throws the first fault, where certificates are left that cannot be signed and no other was renewed
 */
export async function renewSome(deps: IssueDeps, limit = AT_ONCE): Promise<number> {
  // The turn's own transaction does nothing else: it is the lock, and the work commits on other connections.
  return inTransaction(deps.db, async (turn) => {
    if (!(await tryRenewalTurn(turn))) return 0;
    const left = await signAndRecord(deps, await findRenewalIntents(deps.db, limit));
    const taken = await signAndRecord(deps, await intendRenewals(deps, limit));
    await tellProgress(deps);
    const renewed = left.renewed + taken.renewed;
    const [fault] = [...left.faults, ...taken.faults];
    if (renewed === 0 && fault !== undefined) throw fault;
    return renewed;
  });
}

/** Commits the intents: a signed certificate that no database knows could never be revoked. */
async function intendRenewals(deps: IssueDeps, limit: number): Promise<CertificateRow[]> {
  const { db, clock } = deps;
  const { expiresOn } = newPeriod(deps);
  const intents: CertificateRow[] = [];
  for (const { wish } of await findOpenRenewals(db)) {
    if (intents.length >= limit) break;
    const written = await inTransaction(
      db,
      async (trx) => {
        const found = await takeDue(trx, wish, expiresOn, limit - intents.length);
        const rows = await insertIntents(
          trx,
          found.map((each) => successorOf(deps, each)),
        );
        for (const { id, registrationId, position } of rows)
          await appendEvent(trx, clock, {
            type: 'certificates_issued',
            actor: { kind: 'system', subject: 'system' },
            record: { kind: 'registration', id: registrationId },
            position,
            visibility: 'acting',
            facts: { certificateIds: [id] },
          });
        return rows;
      },
      { repeatable: true },
    );
    intents.push(...written);
  }
  return intents;
}

/** The same partner, form, key and number; another period. */
function successorOf(deps: Omit<IssueDeps, 'db'>, old: DueCertificate): SealedIntent {
  const { registrationId, epoch, position, holderJwk } = old;
  const subject = { kind: 'registration', id: registrationId, epoch } as const;
  const sealer = sealerOfWrapped(deps.vault, subject, old.wrappedKey);
  return sealIntent(sealer, {
    registrationId,
    epoch,
    position,
    holderJwk,
    number: sealer.open(numberColumn(old.id), old.number),
    ...newPeriod(deps),
    intendedAt: deps.clock(),
    replaces: { certificateId: old.id, reason: 'renewed' },
  });
}

async function signAndRecord(
  deps: IssueDeps,
  intents: readonly CertificateRow[],
): Promise<{ readonly renewed: number; readonly faults: readonly unknown[] }> {
  const couples = [
    ...Map.groupBy(intents, ({ registrationId, epoch }) => `${registrationId} ${epoch}`).values(),
  ];
  const signed: SignedIntent[] = [];
  const faults: unknown[] = [];
  const lane = async () => {
    for (let couple = couples.pop(); couple; couple = couples.pop()) {
      const [first, ...others] = couple;
      if (!first) continue;
      const outcome = await signCouple(deps, [first, ...others]);
      signed.push(...outcome.signed);
      faults.push(...outcome.faults);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  try {
    return { renewed: (await recordSigned(deps, signed)).size, faults };
  } catch (error) {
    if (!(error instanceof DatabaseFault)) throw error;
    return recordOneByOne(deps, signed, faults);
  }
}

/** One row that the database refuses must not hold up the others of its batch. */
async function recordOneByOne(
  deps: IssueDeps,
  signed: readonly SignedIntent[],
  faults: readonly unknown[],
): Promise<{ readonly renewed: number; readonly faults: readonly unknown[] }> {
  const found = [...faults];
  let renewed = 0;
  for (const one of signed) {
    try {
      renewed += (await recordSigned(deps, [one])).size;
    } catch (error) {
      found.push(error);
    }
  }
  return { renewed, faults: found };
}

async function tellProgress(deps: IssueDeps): Promise<void> {
  const { expiresOn } = newPeriod(deps);
  for (const renewal of await findOpenRenewals(deps.db))
    await recordProgress(deps.db, renewal, await countDue(deps.db, renewal.wish, expiresOn), deps.clock());
}
