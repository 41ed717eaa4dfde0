import type { AuthorityCode } from '../kernel/authority.ts';
import type { CertificateClaims } from './certificate-content.ts';
import type { ContinuityProof } from './continuity-proof.ts';
import type { CheckName, CheckOutcome, CheckReason, Verification } from './verification.ts';

export type TwoNames = { readonly ja: string; readonly en: string };
export type ToldAuthority = { code: string; name: { ja: string; en: string } };

/** A verdict in the words of the contract: what anybody is told, at a node and by a browser that checks by itself. */
export type ToldVerification = {
  verdict: Verification['verdict'];
  checks: { check: CheckName; outcome: CheckOutcome; reason?: CheckReason }[];
  kind?: 'sd-jwt-vc' | 'paper';
  issuer?: ToldAuthority;
  /** Who answers for it today, where that is another, or has another name now. */
  answersNow?: ToldAuthority;
  /** Instants, as RFC 3339 writes them. */
  issuedAt?: string;
  expiresAt?: string;
  claims?: Partial<CertificateClaims>;
  continuity?: ToldContinuity;
  basedOn?: { trustVerifiedAt: string; statusIssuedAt: string; outdated: boolean };
};

export type ToldContinuity = {
  outcome: ContinuityProof['outcome'] | 'not_shown';
  firstOathDate?: string;
  links: {
    from: ToldAuthority;
    to: ToldAuthority;
    releasedOn: string;
    outcome: 'passed' | 'failed' | 'undetermined';
  }[];
};

/** @param nameOf what an authority is called that a link names by its code */
export function tellVerification(
  verification: Verification,
  nameOf: (code: AuthorityCode) => TwoNames,
): ToldVerification {
  const checks = verification.checks.map(({ name, outcome, reason }) => ({
    check: name,
    outcome,
    ...(reason ? { reason } : {}),
  }));
  if (verification.verdict !== 'valid') return { verdict: verification.verdict, checks };
  const { kind, issuer, answersNow, issuedAt, expiresAt, claims, continuity, basedOn } =
    verification.certificate;
  return {
    verdict: 'valid',
    checks,
    kind,
    issuer: { code: issuer.code, name: { ...issuer.name } },
    ...(answersNow ? { answersNow: { code: answersNow.code, name: { ...answersNow.name } } } : {}),
    issuedAt: instant(issuedAt),
    expiresAt: instant(expiresAt),
    claims: { ...claims },
    // Paper has no links to show.
    ...(kind === 'sd-jwt-vc' ? { continuity: tellContinuity(continuity, nameOf) } : {}),
    basedOn: {
      trustVerifiedAt: instant(basedOn.trustVerifiedAt),
      statusIssuedAt: instant(basedOn.statusIssuedAt),
      outdated: basedOn.outdated,
    },
  };
}

function tellContinuity(
  proof: ContinuityProof | undefined,
  nameOf: (code: AuthorityCode) => TwoNames,
): ToldContinuity {
  if (!proof) return { outcome: 'not_shown', links: [] };
  const authority = (code: AuthorityCode) => ({ code, name: { ...nameOf(code) } });
  return {
    outcome: proof.outcome,
    ...(proof.outcome === 'proven' ? { firstOathDate: proof.firstOathDate } : {}),
    links: proof.links.map(({ from, to, ...link }) => ({
      ...link,
      from: authority(from),
      to: authority(to),
    })),
  };
}

/** Epoch seconds, as RFC 3339 writes them. */
export function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
