import { appendEvent } from '../audit/audit-log.ts';
import { findCertificates } from '../certificate/certificate-store.ts';
import type { Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { familyThatStays } from '../registry/family-member.ts';
import {
  keepPastRecord,
  type PastRecord,
  readPastRecords,
  voidPastRecords,
} from '../registry/partner-history.ts';
import { otherOf } from '../registry/protection.ts';
import { findProtection, keepPresentRecord } from '../registry/protection-store.ts';
import { type Couple, type FamilyMemberRecord, findRegistration } from '../registry/registration-store.ts';
import { requireRuleSet } from '../registry/rule-book.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import type { ContinuationRules } from './application.ts';
import type { HandedProtection } from './transfer-payload.ts';
import { type ConsentRow, findConsents } from './transfer-store.ts';

/**
 * A protection (支援措置) goes with the registration, inside what only the new authority can read, and is in force there
 * before anything of the registration can be seen. It goes twice: with the offer, and, as it stands at the commit point,
 * with the release, since a partner may ask for it while the registration is only promised.
 *
 * With it goes what the other partner knew on the day it began: that is what they keep seeing. No item of the consent
 * text names it, no entry of the log that the other one reads, and no size of a message (they are padded).
 */
type Epoch = { readonly id: string; readonly epoch: number };

export type ArrivedProtection = Partial<Couple<PastRecord>>;

/** @param withFamily whether both consented to a text that names the family */
export async function protectionToHandOver(
  trx: Trx,
  vault: Vault,
  row: Epoch,
  { withFamily }: { readonly withFamily: boolean },
): Promise<readonly HandedProtection[]> {
  const isProtected = await findProtection(trx, row);
  const sealer = await openSealer(trx, vault, { kind: 'registration', id: row.id, epoch: row.epoch });
  if (!sealer) return [];
  const certificates = await findCertificates(trx, { registrationId: row.id, epoch: row.epoch });
  const handed: HandedProtection[] = [];
  for (const position of POSITIONS.filter((each) => isProtected[each])) {
    const past = await readPastRecords(trx, sealer, { ...row, position });
    const since = past.find(({ because }) => because === 'protected');
    // Fail closed: without it the destination would show the other one what it must not.
    if (!since) throw new Error('a protected partner without the record of the day it began');
    const { residence: _, ...partner } = since.partner;
    handed.push({
      position,
      statusIndexes: certificates.filter((one) => one.position === position).map((one) => one.statusIndex),
      partner,
      familyMembers: withFamily ? (since.familyMembers ?? []) : [],
    });
  }
  return handed;
}

/** Of each partner who is protected at the commit point, the status indexes of their certificates: enough to name them. */
export async function protectedAtRelease(trx: Trx, row: Epoch): Promise<readonly (readonly number[])[]> {
  const isProtected = await findProtection(trx, row);
  const certificates = await findCertificates(trx, { registrationId: row.id, epoch: row.epoch });
  return POSITIONS.filter((each) => isProtected[each]).map((position) =>
    certificates.filter((one) => one.position === position).map((one) => one.statusIndex),
  );
}

/**
 * What an offer brought, in the order in which the couple stands here and as far as this authority's own rules name a
 * family.
 *
 * @returns undefined where it speaks of somebody else than this couple
 */
export async function arrivedProtection(
  trx: Trx,
  { rules, authority, clock }: ContinuationRules & { readonly clock: Clock },
  tid: string,
  handed: readonly HandedProtection[],
): Promise<ArrivedProtection | undefined> {
  const consents = await findConsents(trx, tid);
  const today = dayInJapan(clock());
  const ruleSet = requireRuleSet(rules, authority, today);
  const arrived: { first?: PastRecord; second?: PastRecord } = {};
  for (const { position, statusIndexes, partner, familyMembers } of handed) {
    const here = positionOf(consents, statusIndexes);
    if (!here) return undefined;
    const turn = (member: FamilyMemberRecord): FamilyMemberRecord =>
      here !== position && member.relationTo ? { ...member, relationTo: otherOf(member.relationTo) } : member;
    arrived[here] = {
      because: 'protected',
      partner: { ...partner, residence: { kind: 'elsewhere' } },
      familyMembers: familyThatStays(ruleSet, familyMembers, today).map(turn),
    };
  }
  return arrived;
}

/** Who a release says is protected. @returns undefined where it does not say, or speaks of somebody else */
export async function protectedOnArrival(
  trx: Trx,
  tid: string,
  indexes: readonly (readonly number[])[] | undefined,
): Promise<readonly PartnerPosition[] | undefined> {
  if (!indexes) return undefined;
  const consents = await findConsents(trx, tid);
  const found = indexes.map((each) => positionOf(consents, each));
  return found.every((each) => each !== undefined) ? found : undefined;
}

function positionOf(
  consents: readonly ConsentRow[],
  indexes: readonly number[],
): PartnerPosition | undefined {
  return consents.find(({ certificate }) => certificate && indexes.includes(certificate.statusIndex))
    ?.position;
}

/** Puts a protection in force on a record that was staged just now; what an earlier staging left is under another key. */
export async function putInForce(
  trx: Trx,
  { clock, vault }: { readonly clock: Clock; readonly vault: Vault },
  row: Epoch,
  protection: ArrivedProtection,
): Promise<void> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id: row.id, epoch: row.epoch });
  if (!sealer) throw new Error('a record that arrives without its data key');
  await voidPastRecords(trx, clock, row);
  for (const position of POSITIONS) {
    const past = protection[position];
    await mark(trx, row, position, past !== undefined);
    if (past) await keepPastRecord(trx, clock, sealer, { ...row, position }, past);
  }
}

/**
 * In the transaction that makes this authority the holder. A protection that began while the registration was promised
 * begins with the staged record: nothing of it could change meanwhile.
 */
export async function settleProtection(
  trx: Trx,
  deps: { readonly clock: Clock; readonly vault: Vault },
  row: Epoch,
  now: readonly PartnerPosition[],
): Promise<void> {
  const before = await findProtection(trx, row);
  for (const position of POSITIONS) {
    const isNow = now.includes(position);
    if (isNow === before[position]) continue;
    await mark(trx, row, position, isNow);
    if (isNow) await keepPresentRecord(trx, deps, row, position);
  }
}

async function mark(
  trx: Trx,
  { id, epoch }: Epoch,
  position: PartnerPosition,
  isProtected: boolean,
): Promise<void> {
  await trx
    .updateTable('registration_partner')
    .set({ protected: isProtected })
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .where('position', '=', position)
    .execute();
}

/** The protected partner, and nobody else, reads in the log that it is in force here. */
export async function recordArrival(trx: Trx, clock: Clock, row: Epoch, actor: Actor): Promise<void> {
  const isProtected = await findProtection(trx, row);
  for (const position of POSITIONS.filter((each) => isProtected[each]))
    await appendEvent(trx, clock, {
      type: 'protection_changed',
      actor,
      record: { kind: 'registration', id: row.id },
      position,
      visibility: 'acting',
      facts: { protected: true },
    });
}

export async function recordHandOver(trx: Trx, clock: Clock, rid: string, to: AuthorityCode): Promise<void> {
  const row = await findRegistration(trx, rid);
  const isProtected = row ? await findProtection(trx, row) : { first: false, second: false };
  for (const position of POSITIONS.filter((each) => isProtected[each]))
    await appendEvent(trx, clock, {
      type: 'protection_provided',
      actor: { kind: 'system', subject: 'system' },
      record: { kind: 'registration', id: rid },
      position,
      purpose: 'continuation',
      visibility: 'acting',
      facts: { to },
    });
}
