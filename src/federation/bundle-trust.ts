import type { IssuerKey } from '../certificate/issuer-key.ts';
import { instant } from '../certificate/told-verification.ts';
import type { BundledIssuer, TrustBundle } from '../certificate/trust-bundle.ts';
import type { MemberDirectory } from './member-directory.ts';

/**
 * What this node knows of the network, for somebody who will check certificates without asking it: names, public keys,
 * periods and the signed status lists. All of it is published elsewhere already, and none of it is about a person.
 */
export function bundleTrust(directory: MemberDirectory, at: Date): TrustBundle {
  const { baseVct, maxStatusAgeSeconds } = directory.trustView();
  return {
    madeAt: at.toISOString(),
    baseVct,
    maxStatusAgeSeconds,
    ...(directory.listed ? { listed: [...directory.listed] } : {}),
    issuers: directory.issuers().map((each) => bundled(directory, each)),
  };
}

function bundled(
  { lists }: MemberDirectory,
  { issuer, believedUntil }: ReturnType<MemberDirectory['issuers']>[number],
): BundledIssuer {
  const { answersNow, suspendedSince } = issuer;
  const statusList = lists.tokenOf(issuer);
  return {
    entityId: issuer.entityId,
    code: issuer.authorityCode,
    name: { ...issuer.name },
    names: (issuer.names ?? []).map(({ from, ja, en }) => ({ from: instant(from), ja, en })),
    ...(answersNow && { answersNow: { code: answersNow.code, name: { ...answersNow.name } } }),
    ...(suspendedSince !== undefined && { suspendedSince: instant(suspendedSince) }),
    keys: issuer.keys.map(bundledKey),
    ...(issuer.lacksPast && { lacksPast: true }),
    statusListUri: issuer.statusListUri,
    vcts: [...issuer.vcts],
    memberships: issuer.memberships.map(({ from, to }) => ({
      from: instant(from),
      ...(to === null ? {} : { until: instant(to) }),
    })),
    verifiedAt: instant(issuer.verifiedAt),
    expiresAt: instant(issuer.expiresAt),
    ...(believedUntil === undefined ? {} : { believedUntil: instant(believedUntil) }),
    ...(statusList === undefined ? {} : { statusList }),
  };
}

function bundledKey({ kid, key, notAfter, givenUp }: IssuerKey): BundledIssuer['keys'][number] {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const ended = notAfter === undefined ? {} : { notAfter: instant(notAfter) };
  return { kid, kty: 'EC', crv: 'P-256', x, y, ...ended, ...(givenUp && { givenUp }) };
}
