import { type AuthorityCode, type EntityId, isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { TokenFault } from '../kernel/compact-jws.ts';
import { publicKeyFromJwk } from '../kernel/signing-key.ts';
import type { IssuerKey, RevocationReason } from './issuer-key.ts';
import { parseStatusListToken, StatusListFault } from './status-list.ts';
import { type IssuerTrust, lookUpIssuer, type StatusLookup, type TrustView } from './trust-view.ts';

/** What a node tells of the network, so that certificates can be checked where it cannot be asked. Times as RFC 3339. */
export type TrustBundle = {
  madeAt: string;
  baseVct: string;
  maxStatusAgeSeconds: number;
  /** Whom the trust anchor lists; absent where the node has not read its list. */
  listed?: string[];
  issuers: BundledIssuer[];
};

export type BundledIssuer = {
  entityId: string;
  code: string;
  name: { ja: string; en: string };
  names: { from: string; ja: string; en: string }[];
  answersNow?: { code: string; name: { ja: string; en: string } };
  suspendedSince?: string;
  keys: {
    kid: string;
    kty: 'EC';
    crv: 'P-256';
    x: string;
    y: string;
    notAfter?: string;
    givenUp?: RevocationReason;
  }[];
  statusListUri: string;
  vcts: string[];
  /** `until` is exclusive, absent while the agreement lasts. */
  memberships: { from: string; until?: string }[];
  verifiedAt: string;
  expiresAt: string;
  /** Until when a verdict may rest on this; absent of a former member. */
  lacksPast?: boolean;
  believedUntil?: string;
  /** The signed status list token, as its issuer published it. */
  statusList?: string;
};

/**
 * The view of the network that verification needs. The node that made the bundle is believed about who is a member and
 * with which keys; each status list must be signed by its issuer, and one that is not, or has ended, is as if it were
 * not there. The node's own clock counts where this one is behind it: turning a clock back makes nothing valid again.
 *
 * @param at the clock here, in epoch seconds
 */
export async function readTrustBundle(
  bundle: TrustBundle,
  at: number,
  skewSeconds: number,
): Promise<{ readonly trust: TrustView; readonly now: number }> {
  const now = Math.max(at, seconds(bundle.madeAt));
  const issuers = bundle.issuers.flatMap((each) => readIssuer(each) ?? []);
  const lists = new Map<string, StatusLookup>();
  for (const { issuer, statusList } of issuers)
    if (statusList !== undefined)
      lists.set(issuer.statusListUri, await readList(statusList, issuer, { now, skewSeconds }));
  const listed = bundle.listed && new Set(bundle.listed);
  const allListedAreKnown = listed
    ?.values()
    .every((id) => issuers.some(({ issuer }) => issuer.entityId === id));
  const lookUp = (found: ReadIssuer | undefined, isListed: boolean | undefined) =>
    lookUpIssuer(found?.issuer, { isBelieved: found !== undefined && found.believedUntil > now, isListed });
  return {
    now,
    trust: {
      issuer: (iss) =>
        lookUp(
          issuers.find(({ issuer }) => issuer.entityId === iss),
          listed?.has(iss),
        ),
      issuerByCode: (code, kidPrefix) =>
        lookUp(byCode(issuers, code, kidPrefix), allListedAreKnown ? false : undefined),
      statusList: (uri) => lists.get(uri) ?? { kind: 'unavailable' },
      baseVct: bundle.baseVct,
      maxStatusAgeSeconds: bundle.maxStatusAgeSeconds,
    },
  };
}

type ReadIssuer = {
  readonly issuer: IssuerTrust;
  /** Epoch seconds. */
  readonly believedUntil: number;
  readonly statusList: string | undefined;
};

/** As the node chooses: after a change of address two entities have one code, and the certificate's key tells which is meant. */
function byCode(
  issuers: readonly ReadIssuer[],
  code: AuthorityCode,
  kidPrefix: string | undefined,
): ReadIssuer | undefined {
  const found = issuers.filter(({ issuer }) => issuer.authorityCode === code);
  const signed = ({ issuer }: ReadIssuer) =>
    kidPrefix !== undefined && issuer.keys.some(({ kid }) => kid.startsWith(kidPrefix));
  return found.findLast(signed) ?? found.at(-1);
}

/** Undefined where a member is not of the form that we know: it is then unknown, which is never valid. */
function readIssuer(bundled: BundledIssuer): ReadIssuer | undefined {
  const { entityId, code, keys, answersNow, suspendedSince, believedUntil, lacksPast, statusList } = bundled;
  if (!isEntityId(entityId) || !isAuthorityCode(code)) return undefined;
  const issuer: IssuerTrust = {
    entityId: entityId satisfies EntityId,
    authorityCode: code satisfies AuthorityCode,
    name: bundled.name,
    keys: keys.flatMap(readKey),
    ...(lacksPast === true && { lacksPast }),
    statusListUri: bundled.statusListUri,
    vcts: bundled.vcts,
    memberships: bundled.memberships.map(({ from, until }) => ({
      from: seconds(from),
      to: until === undefined ? null : seconds(until),
    })),
    names: bundled.names.map(({ from, ...name }) => ({ from: seconds(from), ...name })),
    ...(answersNow && { answersNow: { code: answersNow.code as AuthorityCode, name: answersNow.name } }),
    ...(suspendedSince !== undefined && { suspendedSince: seconds(suspendedSince) }),
    verifiedAt: seconds(bundled.verifiedAt),
    expiresAt: seconds(bundled.expiresAt),
  };
  const end = believedUntil === undefined ? Number.POSITIVE_INFINITY : seconds(believedUntil);
  return { issuer, believedUntil: end, statusList };
}

function readKey({ kid, notAfter, givenUp, ...jwk }: BundledIssuer['keys'][number]): IssuerKey[] {
  const key = publicKeyFromJwk(jwk);
  if (!key) return [];
  const ended = notAfter === undefined ? {} : { notAfter: seconds(notAfter) };
  return [{ kid, key, ...ended, ...(givenUp && { givenUp }) }];
}

async function readList(
  token: string,
  { statusListUri: uri, keys }: IssuerTrust,
  at: { readonly now: number; readonly skewSeconds: number },
): Promise<StatusLookup> {
  try {
    const { list, issuedAt, expiresAt } = await parseStatusListToken(token, { uri, keys, ...at });
    return { kind: 'loaded', list, issuedAt, expiresAt, fetchedAt: at.now };
  } catch (error) {
    if (error instanceof TokenFault || error instanceof StatusListFault) return { kind: 'unavailable' };
    throw error;
  }
}

function seconds(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}
