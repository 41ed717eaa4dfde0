import type { AuthorityCode } from '../kernel/authority.ts';
import { TokenFault, verifySignature } from '../kernel/compact-jws.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import { beginsWithFirstOath, type ChainEnd, faultOf, type LinkFault, leadsTo } from './continuity-chain.ts';
import { type ContinuityLink, linkDigest, MAX_LINKS, readLink } from './continuity-link.ts';
import { isDatedBefore, isInDoubt, wasGoodAt } from './issuer-key.ts';
import type { IssuerTrust, TrustView } from './trust-view.ts';

/** Why a chain proves nothing, or not all. Closed: the audit log and tests name them. */
export type ContinuityReason =
  | LinkFault
  | 'too_many_links'
  | 'link_malformed'
  | 'leads_elsewhere'
  | 'start_not_shown'
  | 'signer_unknown'
  | 'signer_is_other_authority'
  | 'key_unknown'
  | 'key_of_other_authority'
  | 'key_retired'
  | 'key_given_up'
  | 'signature_wrong'
  | 'released_in_future'
  | 'agreement_unknown'
  | 'released_outside_agreement';

export type ProvenLink = {
  readonly from: AuthorityCode;
  readonly to: AuthorityCode;
  readonly releasedOn: JapanDay;
  readonly outcome: 'passed' | 'failed' | 'undetermined';
};

/** `proven` alone says since when. What could not be found out is `undetermined`, and never proven. */
export type ContinuityProof =
  | { readonly outcome: 'proven'; readonly firstOathDate: JapanDay; readonly links: readonly ProvenLink[] }
  | {
      readonly outcome: 'failed' | 'undetermined';
      readonly reason: ContinuityReason;
      readonly links: readonly ProvenLink[];
    };

export type ProofCircumstances = {
  readonly trust: TrustView;
  /** Epoch seconds. */
  readonly now: number;
  readonly skewSeconds: number;
};

type Finding = { readonly outcome: 'failed' | 'undetermined'; readonly reason: ContinuityReason };

/**
 * Whether the chain of authorities since the first oath is proven: every link signed by the authority that it says
 * handed the registration on, in unbroken order, to whoever holds it now. Does not throw for any text.
 */
export async function proveContinuity(
  texts: readonly string[],
  end: ChainEnd,
  at: ProofCircumstances,
): Promise<ContinuityProof> {
  if (texts.length > MAX_LINKS) return { outcome: 'failed', reason: 'too_many_links', links: [] };
  const links = texts.map(readLink);
  if (links.length === 0 || !links.every((link) => link !== undefined))
    return { outcome: 'failed', reason: 'link_malformed', links: [] };
  const findings = await Promise.all(
    links.map(async (link, index): Promise<Finding | undefined> => {
      const fault = faultOf(link, links[index - 1]);
      return fault ? failed(fault) : checkSigner(link, links, at);
    }),
  );
  return conclude(links, findings, end);
}

function conclude(
  links: readonly ContinuityLink[],
  findings: readonly (Finding | undefined)[],
  end: ChainEnd,
): ContinuityProof {
  const shown = links.map(({ from, to, releasedOn }, index) => ({
    from,
    to,
    releasedOn,
    outcome: findings[index]?.outcome ?? ('passed' as const),
  }));
  const ofAll = [...findings, leadsTo(links, end) ? undefined : failed('leads_elsewhere')];
  const worst =
    ofAll.find((finding) => finding?.outcome === 'failed') ??
    ofAll.find((finding) => finding !== undefined) ??
    (beginsWithFirstOath(links) ? undefined : unknown('start_not_shown'));
  const [first] = links;
  return worst || !first
    ? { ...(worst ?? failed('link_malformed')), links: shown }
    : { outcome: 'proven', firstOathDate: first.firstOathDate, links: shown };
}

/** The signature under a key of the very authority that handed the registration on, while key and agreement were good. */
async function checkSigner(
  link: ContinuityLink,
  chain: readonly ContinuityLink[],
  { trust, now, skewSeconds }: ProofCircumstances,
): Promise<Finding | undefined> {
  if (link.releasedAt > now + skewSeconds) return failed('released_in_future');
  const lookup = trust.issuer(link.issuer);
  // One that is no longer listed may have been a member on that day: unknown, and not false.
  if (lookup.kind !== 'known') return unknown('signer_unknown');
  const { issuer } = lookup;
  if (issuer.authorityCode !== link.from) return failed('signer_is_other_authority');
  const key = issuer.keys.find(({ kid }) => kid === link.kid);
  // A key may have left the list long after its last certificate ran out; unless it is known to be somebody else's.
  if (!key)
    return isKeyOfAnother(link, chain, trust) ? failed('key_of_other_authority') : unknown('key_unknown');
  try {
    await verifySignature(link.jws, key.key);
  } catch (error) {
    if (error instanceof TokenFault) return failed('signature_wrong');
    throw error;
  }
  if (!wasGoodAt(key, link.releasedAt)) return failed('key_retired');
  if (isInDoubt(key) && !(await isDatedBefore(key, { digest: linkDigest(link.text) }, trust.firstSeen)))
    return unknown('key_given_up');
  return checkAgreement(link, issuer);
}

function isKeyOfAnother(
  { kid, issuer, to }: ContinuityLink,
  chain: readonly ContinuityLink[],
  trust: TrustView,
): boolean {
  const others = [...chain.map((link) => trust.issuer(link.issuer)), trust.issuerByCode(to)];
  return others.some(
    (lookup) =>
      lookup.kind === 'known' &&
      lookup.issuer.entityId !== issuer &&
      lookup.issuer.keys.some((key) => key.kid === kid),
  );
}

const DAY_SECONDS = 86_400;

/**
 * A link is dated by the day, so a member for any part of that day counts. Of periods before the first that this node
 * has seen proven it knows nothing; after the last one nothing was handed on under the agreement.
 */
function checkAgreement({ releasedAt }: ContinuityLink, { memberships }: IssuerTrust): Finding | undefined {
  const endOfDay = releasedAt + DAY_SECONDS;
  if (memberships.some(({ from, to }) => from < endOfDay && (to === null || releasedAt < to)))
    return undefined;
  return memberships.every(({ to }) => to !== null && to <= releasedAt)
    ? failed('released_outside_agreement')
    : unknown('agreement_unknown');
}

const failed = (reason: ContinuityReason): Finding => ({ outcome: 'failed', reason });
const unknown = (reason: ContinuityReason): Finding => ({ outcome: 'undetermined', reason });
