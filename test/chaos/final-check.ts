import { sql } from 'kysely';
import type { Db } from '../../src/db/transaction.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { isHolder } from '../../src/transfer/protocol-state.ts';
import { leftovers, viewOf } from '../app/crash-view.ts';
import { findBreaches, findUnfinished } from '../transfer/protocol-invariants.ts';
import type { Ledger } from './ledger.ts';
import { POSITIONS } from './ledger.ts';
import type { Office } from './load.ts';

export type Books = readonly { readonly id: string; readonly self: EntityId; readonly db: Db }[];

export type Findings = {
  readonly breaches: string[];
  readonly lost: number;
  readonly doubled: number;
  readonly registrations: number;
  readonly messages: number;
};

/** What is not at rest yet, in one line; empty means that the network has come to rest. */
export async function restless(books: Books): Promise<string> {
  const parts: string[] = [];
  for (const { id, db } of books) {
    for (const [what, count] of Object.entries(await leftovers(db))) {
      if (count > 0) parts.push(`${id}: ${what} ${count}`);
    }
  }
  return parts.join(', ');
}

/** I1 to I7, L1 and L2 from the rows of all databases, and the couples' own view of who holds what. */
export async function inspectBooks(books: Books, ledger: Ledger): Promise<Findings> {
  const views = await Promise.all(books.map(({ db, self }) => viewOf(db, self)));
  const breaches = [...findBreaches(views), ...findUnfinished(views)].map(
    ({ invariant, concerns, fact }) => `${invariant} ${concerns}: ${fact}`,
  );
  let lost = 0;
  let doubled = 0;
  for (const couple of ledger.couples) {
    const holders = views.flatMap(({ registrations }, at) => {
      const custody = registrations.get(couple.registrationId as never);
      return custody && isHolder(custody) ? [at] : [];
    });
    if (couple.state === 'ended') {
      if (holders.length > 0) breaches.push(`I6 ${couple.registrationId}: ended, and held again`);
      continue;
    }
    if (holders.length === 0) lost += 1;
    if (holders.length > 1) doubled += 1;
    if (holders.length === 1 && holders[0] !== couple.home) {
      breaches.push(`${couple.registrationId}: the papers say ${couple.home}, the databases ${holders[0]}`);
    }
  }
  const rids = new Set(views.flatMap(({ registrations }) => [...registrations.keys()]));
  breaches.push(...(await inspectCertificates(books, ledger)));
  const { faults, messages } = await compareLogs(books);
  breaches.push(...faults);
  return { breaches, lost, doubled, registrations: rids.size, messages };
}

/** Exactly one living certificate per partner of a registration in force, over all authorities; none of an ended one. */
async function inspectCertificates(books: Books, ledger: Ledger): Promise<string[]> {
  const living = new Map<string, number>();
  for (const { db } of books) {
    const { rows } = await sql<{ registration_id: string; position: string; n: number }>`
      select registration_id, position, count(*)::int as n from certificate
      where state in ('issued', 'intended') group by registration_id, position`.execute(db);
    for (const { registration_id: id, position, n } of rows) {
      living.set(`${id} ${position}`, (living.get(`${id} ${position}`) ?? 0) + n);
    }
  }
  return ledger.couples.flatMap(({ registrationId, state }) =>
    POSITIONS.flatMap((position) => {
      const count = living.get(`${registrationId} ${position}`) ?? 0;
      const due = state === 'ended' ? 0 : 1;
      return count === due ? [] : [`${registrationId} ${position}: ${count} living certificates, not ${due}`];
    }),
  );
}

/**
 * What one log holds as received stands in the sender's, with a receipt or as unconfirmed; what was sent with a receipt
 * was received. No message is taken as new twice.
 */
async function compareLogs(books: Books): Promise<{ faults: string[]; messages: number }> {
  const told = { sent: new Map<string, string>(), unconfirmed: new Map<string, string>() };
  const received = new Map<string, string>();
  const faults: string[] = [];
  for (const { id, db } of books) {
    const { rows } = await sql<{ type: string; mid: string; step: string; fresh: number }>`
      select type, facts->>'mid' as mid, facts->>'step' as step,
        (count(*) filter (where facts->>'result' = 'accepted'))::int as fresh
      from audit_event where type in ('message_sent', 'message_unconfirmed', 'message_received')
      group by 1, 2, 3`.execute(db);
    for (const { type, mid, step, fresh } of rows) {
      const line = `${step} ${mid} (log of ${id})`;
      if (type === 'message_sent') told.sent.set(mid, line);
      else if (type === 'message_unconfirmed') told.unconfirmed.set(mid, line);
      else received.set(mid, line);
      if (fresh > 1) faults.push(`taken as new ${fresh} times: ${line}`);
    }
  }
  for (const [mid, line] of told.sent)
    if (!received.has(mid)) faults.push(`sent and never received: ${line}`);
  for (const [mid, line] of received) {
    if (!told.sent.has(mid) && !told.unconfirmed.has(mid))
      faults.push(`received and not in its sender's log: ${line}`);
  }
  return { faults, messages: received.size };
}

/** Asks every node about every paper: the current ones are good and the old ones are not, everywhere. */
export async function inspectVerdicts(offices: readonly Office[], ledger: Ledger): Promise<string[]> {
  const faults: string[] = [];
  for (const { authority, counter } of offices) {
    const ask = async (certificate: string): Promise<string> =>
      (await counter.ask('POST', '/v1/verifications', { body: { certificate } })).body?.verdict as string;
    for (const couple of ledger.couples) {
      const current = couple.state === 'ended' ? [] : POSITIONS.map((at) => couple.certificates[at]);
      for (const one of current.flatMap(({ sdJwtVc, paperToken }) => [sdJwtVc, paperToken])) {
        ledger.verifications += 1;
        const verdict = await ask(one);
        if (verdict !== 'valid')
          faults.push(`${couple.registrationId}: a current one is ${verdict} at ${authority.id}`);
      }
      for (const one of couple.old) {
        ledger.verifications += 1;
        const verdict = await ask(one);
        if (verdict !== 'invalid')
          faults.push(`${couple.registrationId}: an old one is ${verdict} at ${authority.id}`);
      }
    }
  }
  return faults;
}

/** Each authority's own proof that its log is whole. */
export async function inspectLogs(offices: readonly Office[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { authority, counter } of offices) {
    const token = authority.tokens.auditor;
    const { body } = await counter.ask('GET', '/v1/audit/integrity', { token });
    if (body?.intact !== true || !(body.sealedEvents > 0))
      faults.push(`the log of ${authority.id} is not intact`);
  }
  return faults;
}
