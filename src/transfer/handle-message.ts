import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { findByReference } from '../certificate/certificate-store.ts';
import type { TrustView } from '../certificate/trust-view.ts';
import type { Trx } from '../db/transaction.ts';
import type { Member } from '../federation/authority-metadata.ts';
import { payloadHash, saltPayload } from '../federation/message.ts';
import type { OpenedMessage } from '../federation/message-envelope.ts';
import type { WaitingPayload } from '../federation/outbox.ts';
import type { Handled } from '../federation/receive-message.ts';
import type { EntityId } from '../kernel/authority.ts';
import { fromBase64url } from '../kernel/base64url.ts';
import { epochSeconds } from '../kernel/clock.ts';
import type { Id } from '../kernel/id.ts';
import { POSITIONS } from '../kernel/role.ts';
import { readFamily } from '../registry/family-store.ts';
import { findRegistration, readPartners } from '../registry/registration-store.ts';
import { applyEvent, type Circumstances, type ProtocolDeps } from './apply-event.ts';
import { assessOffer, type OfferAssessment, type OfferDeps } from './assess-offer.ts';
import { assessContinuity, linksToOffer, linkToRelease } from './carry-continuity.ts';
import { protectedOnArrival, protectionToHandOver, recordHandOver } from './carry-protection.ts';
import { heedNotice, isNotice } from './case-notice.ts';
import { coversContinuity, coversFamily } from './consent-text.ts';
import { type HoldDeps, holdRequest } from './held-request.ts';
import type { Decision, MessageEvent, Subject } from './protocol-event.ts';
import type { ProtocolMessage } from './protocol-message.ts';
import type { FilingDeps } from './receive-filing.ts';
import {
  type OfferPayload,
  PROVIDED_ITEMS,
  type ProvidedItem,
  type RequestPayload,
  readReleaseProtection,
  readRequestPayload,
} from './transfer-payload.ts';
import { findTransfer, type TransferRow } from './transfer-store.ts';
import { fromWire } from './wire-message.ts';

export type HandleDeps = HoldDeps & OfferDeps & FilingDeps & { readonly trust: () => TrustView };

/**
 * What this authority does with an authentic message of a peer: finds what the message is about, hands it to the
 * protocol, and tells the peer whether it was new, known or refused.
 */
export async function handleMessage(
  trx: Trx,
  deps: HandleDeps,
  opened: OpenedMessage,
  from: Member,
): Promise<Handled> {
  if (isNotice(opened)) return heedNotice(trx, deps, opened, from);
  const message = fromWire(opened);
  if (!message) return { result: 'refused', reason: 'malformed' };
  const { event, at } = await prepare(trx, deps, message, opened, from);
  const held =
    event.event === 'REQUEST' && (await holdRequest(trx, deps, event.message, event.subject, from));
  if (held) return held;
  const decision = await applyEvent(trx, deps, event, at);
  const { outcome, transfer } = decision;
  // What could be offered may have been promised to another while this request waited: then nothing is provided.
  if (outcome.kind === 'APPLIED' && transfer.side === 'SOURCE' && transfer.state === 'OFFERED') {
    await recordOffer(trx, deps, transfer.tid, transfer.rid, from, itemsProvided(opened));
  }
  return handledAs(decision);
}

function handledAs({ outcome }: Decision): Handled {
  switch (outcome.kind) {
    case 'APPLIED':
      return { result: 'accepted' };
    case 'REPEATED':
      return { result: 'repeated' };
    case 'REFUSED':
      return { result: 'refused', reason: outcome.because };
  }
}

async function prepare(
  trx: Trx,
  deps: HandleDeps,
  message: ProtocolMessage,
  opened: OpenedMessage,
  member: Member,
): Promise<{ event: MessageEvent; at: Circumstances }> {
  const actor = { kind: 'peer', subject: member.code } as const;
  const common = { from: opened.from, generation: opened.generation };
  switch (message.step) {
    case 'REQUEST': {
      const known = await findTransfer(trx, message.tid);
      const found =
        known && !mayBeAnswered(known, opened.from)
          ? undefined
          : await findSubject(trx, deps, readRequestPayload(opened.payload?.text ?? ''), member);
      // What was filed here is of one registration, and a request under its number of no other.
      const isAnother =
        known?.filedAs && found?.subject.kind === 'OFFERABLE' && found.subject.rid !== known.registrationId;
      const subject: Subject = found && !isAnother ? found.subject : { kind: 'NOT_OFFERABLE' };
      return {
        event: { ...common, event: 'REQUEST', message, subject },
        at: { actor, ...(found && !isAnother ? { payload: found.payload } : {}) },
      };
    }
    case 'OFFER': {
      const offer: OfferAssessment = await assessOffer(trx, deps, message, opened.payload?.text ?? '');
      const payload = offer.kind === 'acceptable' ? 'ACCEPTABLE' : 'UNACCEPTABLE';
      const found =
        offer.kind === 'acceptable'
          ? { staged: offer.staged, protection: offer.protection }
          : { unmet: offer.unmet };
      return { event: { ...common, event: 'OFFER', message, payload }, at: { actor, ...found } };
    }
    case 'ACCEPT': {
      const payload = await linkToRelease(trx, deps, message.tid, member);
      return {
        event: { ...common, event: 'ACCEPT', message },
        at: { actor, ...(payload ? { payload } : {}) },
      };
    }
    case 'RELEASE': {
      const text = opened.payload?.text ?? '';
      const protectedNow = await protectedOnArrival(trx, message.tid, readReleaseProtection(text));
      const continuity = await assessContinuity(trx, deps, message, text);
      return {
        event: { ...common, event: 'RELEASE', message },
        at: { actor, ...(continuity ? { continuity } : {}), ...(protectedNow ? { protectedNow } : {}) },
      };
    }
    case 'ACTIVATED':
      return { event: { ...common, event: 'ACTIVATED', message }, at: { actor } };
    case 'CANCEL':
      return { event: { ...common, event: 'CANCEL', message }, at: { actor } };
    case 'REJECT':
      return { event: { ...common, event: 'REJECT', message }, at: { actor } };
    case 'QUERY':
      return { event: { ...common, event: 'QUERY', message }, at: { actor } };
  }
}

/** A request for a case that is known here: one that was held, or that answers what was filed here and sent there. */
function mayBeAnswered({ state, peer }: TransferRow, from: EntityId): boolean {
  return state === 'held' || (state === 'forwarded' && peer === from);
}

/**
 * Whether a request leads to one registration that may go: both certificates are ours, issued, not revoked, of the two
 * partners of one registration, and both consents are for the authority that asks. The origin looks itself and does not
 * take the destination's word.
 */
async function findSubject(
  trx: Trx,
  deps: ProtocolDeps,
  request: RequestPayload | undefined,
  member: Member,
): Promise<{ subject: Subject; payload: WaitingPayload } | undefined> {
  if (!request || request.destination !== member.code) return undefined;
  // Known and trusted is not enough to be given personal data: the agreement must be in force today.
  if (!isInAgreement(member, epochSeconds(deps.clock()))) return undefined;
  const { first, second } = request.consents;
  const certificates = [];
  for (const { certificate } of [first, second]) {
    const hash = fromBase64url(certificate.hash);
    if (!hash || certificate.statusUri !== deps.issuerTerms.statusListUri) return undefined;
    const row = await findByReference(trx, { statusIndex: certificate.statusIndex, hash });
    if (row?.state !== 'issued') return undefined;
    certificates.push(row);
  }
  const [one, other] = certificates;
  if (!one || !other || one.registrationId !== other.registrationId || one.epoch !== other.epoch)
    return undefined;
  if (one.position === other.position) return undefined;
  const row = await findRegistration(trx, one.registrationId);
  const partners = row && (await readPartners(trx, deps.vault, row));
  if (row?.state !== 'active' || row.epoch !== one.epoch || !partners) return undefined;
  const indexOf = (position: string) => (one.position === position ? one : other).statusIndex;
  const offered = POSITIONS.map((position) => {
    const { residence: _, ...partner } = partners[position];
    return { ...partner, statusIndex: indexOf(position) };
  });
  const withFamily = includesFamily(request);
  const protection = await protectionToHandOver(trx, deps.vault, row, { withFamily });
  const continuity = includesContinuity(request) ? await linksToOffer(trx, deps, row) : [];
  const offer: OfferPayload = {
    rid: row.id,
    epoch: row.epoch + 1,
    oathDate: row.oathDate,
    firstOathDate: row.firstOathDate,
    firstAuthority: row.firstAuthority,
    partners: { first: offered[0]!, second: offered[1]! },
    ...(withFamily ? { familyMembers: await readFamily(trx, deps.vault, row) } : {}),
    ...(continuity.length > 0 ? { continuity } : {}),
    ...(protection.length > 0 ? { protection } : {}),
  };
  const payload = saltPayload(JSON.stringify(offer), randomBytes);
  return {
    subject: { kind: 'OFFERABLE', rid: row.id, payloadHash: payloadHash(payload) },
    payload: { payload, subject: { kind: 'registration', id: row.id, epoch: row.epoch } },
  };
}

function isInAgreement({ memberships }: Member, now: number): boolean {
  return memberships.some(({ from, until }) => from <= now && (until === undefined || now < until));
}

/** Nothing goes that is no item of the text to which both consented. */
function includesFamily({ consents: { first, second } }: RequestPayload): boolean {
  return coversFamily(first.textVersion) && coversFamily(second.textVersion);
}

function includesContinuity({ consents: { first, second } }: RequestPayload): boolean {
  return coversContinuity(first.textVersion) && coversContinuity(second.textVersion);
}

function itemsProvided({ payload }: OpenedMessage): readonly ProvidedItem[] {
  const request = readRequestPayload(payload?.text ?? '');
  return PROVIDED_ITEMS.filter((item) => {
    if (item === 'family_members') return request !== undefined && includesFamily(request);
    if (item === 'continuity') return request !== undefined && includesContinuity(request);
    return true;
  });
}

/** The provision of personal data is on record with both couple and auditor (個人情報保護法69条2項1号). */
async function recordOffer(
  trx: Trx,
  { clock }: HandleDeps,
  tid: Id<'transfer'>,
  rid: string,
  to: Member,
  items: readonly ProvidedItem[],
): Promise<void> {
  for (const record of [
    { kind: 'registration', id: rid },
    { kind: 'transfer', id: tid },
  ] as const) {
    await appendEvent(trx, clock, {
      type: 'personal_data_provided',
      actor: { kind: 'peer', subject: to.code },
      record,
      purpose: 'continuation',
      visibility: 'both',
      facts: { to: to.code, items },
    });
  }
  await recordHandOver(trx, clock, rid, to.code);
}
