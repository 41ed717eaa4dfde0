import type { AuthorityCode } from '../kernel/authority.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import type { RegistrationRow } from '../registry/registration-store.ts';
import { type ContinuityLink, linkDigest, readLink, registrationDigest } from './continuity-link.ts';

/** What a chain leads to, as far as it is known: a certificate tells only what its holder discloses. */
export type ChainEnd = {
  /** Who holds the registration now. */
  readonly holder: AuthorityCode;
  readonly firstOathDate?: JapanDay | undefined;
  readonly firstAuthority?: AuthorityCode | undefined;
  /** Of the continuation at the holder. */
  readonly oathDate?: JapanDay | undefined;
  readonly epoch?: number | undefined;
  readonly rid?: string | undefined;
};

export type LinkFault = 'link_out_of_order' | 'dates_contradict';

/** Whether a link contradicts itself or the one before it; its signature is another matter. */
export function faultOf(link: ContinuityLink, before: ContinuityLink | undefined): LinkFault | undefined {
  const { firstOathDate, oathDate, releasedOn } = link;
  if (link.from === link.to || link.previous !== (before && linkDigest(before.text)))
    return 'link_out_of_order';
  if (firstOathDate > oathDate || oathDate > releasedOn) return 'dates_contradict';
  if (!before) return undefined;
  if (link.from !== before.to || link.epoch !== before.epoch + 1) return 'link_out_of_order';
  const isLater = before.oathDate <= oathDate && before.releasedOn <= releasedOn;
  const isOfSameOath =
    before.firstOathDate === firstOathDate && before.firstAuthority === link.firstAuthority;
  return isLater && isOfSameOath ? undefined : 'dates_contradict';
}

/** Whether a chain leads to this registration, or to a certificate that says this of it. */
export function leadsTo(links: readonly ContinuityLink[], end: ChainEnd): boolean {
  const last = links.at(-1);
  const { rid } = end;
  return (
    last?.to === end.holder &&
    isEqualOrUnknown(end.firstOathDate, last.firstOathDate) &&
    isEqualOrUnknown(end.firstAuthority, last.firstAuthority) &&
    isEqualOrUnknown(end.epoch, last.epoch) &&
    (end.oathDate === undefined || last.oathDate <= end.oathDate) &&
    (rid === undefined || links.every(({ salt, subject }) => subject === registrationDigest(salt, rid)))
  );
}

function isEqualOrUnknown<Value>(known: Value | undefined, shown: Value): boolean {
  return known === undefined || known === shown;
}

/**
 * Whether a chain begins where the oath did: at the first authority, when that handed on what it had been the first to
 * hold. One that begins later (moved by paper, or before there were links) is true as far as it goes and proves no first
 * oath: nobody but the first authority can say when that was.
 */
export function beginsWithFirstOath([first]: readonly ContinuityLink[]): boolean {
  return first !== undefined && first.from === first.firstAuthority && first.epoch === 2;
}

type Registered = Pick<RegistrationRow, 'oathDate' | 'firstOathDate' | 'firstAuthority' | 'epoch'>;

/** Where the chain of a registration must lead that is held here. */
export function endAt(
  holder: AuthorityCode,
  { oathDate, firstOathDate, firstAuthority, epoch }: Registered,
): ChainEnd {
  return { holder, oathDate, firstOathDate, firstAuthority, epoch };
}

/**
 * The chain of a registration where it may be shown or carried on: all of it, or nothing. A record that was put right
 * since it came here no longer has the dates that were signed, and a certificate does not contradict itself.
 */
export function usableChain(
  texts: readonly string[],
  holder: AuthorityCode,
  registration: Registered,
): readonly string[] {
  return isSound(texts, endAt(holder, registration)) ? texts : [];
}

/** Order, dates and end of a chain, without its signatures. */
export function isSound(texts: readonly string[], end: ChainEnd): boolean {
  const links = texts.map(readLink);
  return (
    links.every((link) => link !== undefined) &&
    links.every((link, at) => faultOf(link, links[at - 1]) === undefined) &&
    leadsTo(links, end)
  );
}
