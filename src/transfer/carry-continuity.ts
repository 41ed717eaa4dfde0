import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { endAt, usableChain } from '../certificate/continuity-chain.ts';
import { linkDigest, MAX_LINKS, readLink, signLink } from '../certificate/continuity-link.ts';
import { type ContinuityReason, proveContinuity } from '../certificate/continuity-proof.ts';
import type { IssuerTerms } from '../certificate/issue-certificates.ts';
import { keepSightings } from '../certificate/sighting-store.ts';
import type { TrustView } from '../certificate/trust-view.ts';
import type { Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { MESSAGE_SKEW_SECONDS, saltPayload } from '../federation/message.ts';
import type { WaitingPayload } from '../federation/outbox.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan, epochSeconds } from '../kernel/clock.ts';
import {
  findEpoch,
  type RegistrationRow,
  readContinuity,
  writeContinuity,
} from '../registry/registration-store.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import { protectedAtRelease } from './carry-protection.ts';
import type { MessageOf } from './protocol-message.ts';
import type { Terms } from './protocol-state.ts';
import { readReleasePayload } from './transfer-payload.ts';
import { findTransfer, lockFor } from './transfer-store.ts';

type OriginDeps = {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly issuerTerms: IssuerTerms;
};

/**
 * The links with which a registration is handed on. They end at this authority and agree with its record; where they do
 * not, or are as many as there may be, none go, and the next link begins a chain of its own.
 */
export async function linksToOffer(
  trx: Trx,
  { vault, issuerTerms: { authority } }: Pick<OriginDeps, 'vault' | 'issuerTerms'>,
  row: RegistrationRow,
): Promise<readonly string[]> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id: row.id, epoch: row.epoch });
  const links = sealer ? usableChain(await readContinuity(trx, sealer, row), authority, row) : [];
  return links.length < MAX_LINKS ? links : [];
}

/**
 * The link that RELEASE carries. It is signed here, where the origin releases and not where it offers: a link is a
 * statement that something happened, and an offer may still be called off. If this transaction is rolled back, the text
 * was never stored and never sent. A repeated RELEASE carries the same text, since that waits in the outbox.
 *
 * It says no more of the couple than they consented to be told: dates and authorities that are items of the record, and
 * the move itself.
 *
 * @returns undefined where this ACCEPT releases nothing
 */
export async function linkToRelease(
  trx: Trx,
  deps: OriginDeps,
  transferId: string,
  to: Member,
): Promise<WaitingPayload | undefined> {
  const { clock, vault, issuerTerms } = deps;
  const protocol = (await findTransfer(trx, transferId))?.protocol;
  if (protocol?.side !== 'SOURCE' || protocol.state !== 'OFFERED') return undefined;
  // A protection that is asked for in this moment is either in this release, or waits for it and finds it gone.
  await lockFor(trx, 'registration', protocol.rid);
  const row = await findEpoch(trx, protocol.rid, protocol.epoch - 1, { forUpdate: true });
  if (!row) return undefined;
  const draft = {
    rid: row.id,
    to: to.code,
    epoch: protocol.epoch,
    oathDate: row.oathDate,
    firstOathDate: row.firstOathDate,
    firstAuthority: row.firstAuthority,
    releasedOn: dayInJapan(clock()),
    earlier: await linksToOffer(trx, { vault, issuerTerms }, row),
  };
  const link = await signLink(draft, issuerTerms, randomBytes);
  return {
    payload: saltPayload(
      JSON.stringify({ link, protected: await protectedAtRelease(trx, row) }),
      randomBytes,
    ),
    subject: { kind: 'registration', id: row.id, epoch: row.epoch },
  };
}

type DestinationDeps = {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly authority: AuthorityCode;
  readonly trust: () => TrustView;
};

/** What came with a registration, and what it proves. Only `links` are kept. */
export type ArrivedContinuity = {
  readonly outcome: 'proven' | 'undetermined' | 'failed' | 'not_shown';
  readonly reason?: ContinuityReason;
  readonly links: readonly string[];
};

const NOTHING_SHOWN: ArrivedContinuity = { outcome: 'not_shown', links: [] };

/**
 * What the links of an arriving registration prove. They are judged once, when the last one is there: before RELEASE
 * the chain does not reach this authority yet, and nothing looks at what is only staged.
 *
 * A registration is never refused for its links: the couple would pay for a fault that is not theirs. Links that are
 * false are not kept, since a certificate must not carry them; where a signer is not known now, or the beginning is not
 * shown, they are kept, and whoever verifies is told so.
 *
 * @returns undefined where this RELEASE is a repetition
 */
export async function assessContinuity(
  trx: Trx,
  { clock, vault, authority, trust }: DestinationDeps,
  { tid, rid, epoch }: MessageOf<'RELEASE'>,
  text: string,
): Promise<ArrivedContinuity | undefined> {
  const protocol = (await findTransfer(trx, tid))?.protocol;
  if (protocol?.side !== 'DESTINATION' || protocol.state !== 'STAGED') return undefined;
  const row = await findEpoch(trx, rid, epoch);
  const sealer = await openSealer(trx, vault, { kind: 'registration', id: rid, epoch });
  const link = readReleasePayload(text);
  // An origin of the last release, which does not sign links yet, or has nothing to say.
  if (!row || !sealer || link === undefined) return NOTHING_SHOWN;
  // An origin whose own record contradicts what it was handed begins anew.
  const isFirst = readLink(link)?.previous === undefined;
  const links = isFirst ? [link] : [...(await readContinuity(trx, sealer, row)), link];
  const end = { ...endAt(authority, row), rid };
  const now = epochSeconds(clock());
  const proof = await proveContinuity(links, end, { trust: trust(), now, skewSeconds: MESSAGE_SKEW_SECONDS });
  return {
    outcome: proof.outcome,
    ...(proof.outcome === 'proven' ? {} : { reason: proof.reason }),
    links: proof.outcome === 'failed' ? [] : links,
  };
}

/** In the transaction that makes this authority the holder: what was staged gives way to the whole chain, or to nothing. */
export async function keepContinuity(
  trx: Trx,
  { clock, vault }: { readonly clock: Clock; readonly vault: Vault },
  { tid, rid, epoch }: Terms,
  arrived: ArrivedContinuity = NOTHING_SHOWN,
): Promise<void> {
  const { outcome, reason, links } = arrived;
  const sealer = await openSealer(trx, vault, { kind: 'registration', id: rid, epoch });
  if (outcome === 'proven') await keepSightings(trx, vault.blindIndex, links.map(linkDigest), clock());
  if (sealer) await writeContinuity(trx, sealer, { id: rid, epoch }, links);
  await appendEvent(trx, clock, {
    type: 'continuity_checked',
    actor: { kind: 'system', subject: 'system' },
    record: { kind: 'transfer', id: tid },
    visibility: 'both',
    facts: { outcome, ...(reason ? { reason } : {}), links: links.length },
  });
}
