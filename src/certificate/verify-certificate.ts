import { type CompactJws, checkTimes, TokenFault, verifySignature } from '../kernel/compact-jws.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { endOf, MAX_LIFETIME_SECONDS, type StatusRef } from './certificate-content.ts';
import { proveContinuity } from './continuity-proof.ts';
import { type IssuerKey, isDatedBefore, isInDoubt, type SignedText, wasGoodAt } from './issuer-key.ts';
import { checkKeyBinding, KeyBindingFault, type KeyBindingPolicy } from './key-binding.ts';
import { type PaperToken, parsePaperToken, readPaperUrl } from './paper-token.ts';
import { type PresentedCertificate, readCertificate } from './presented-certificate.ts';
import { SdJwtFault } from './sd-jwt.ts';
import { leafKey } from './signing-certificate.ts';
import { readStatus, StatusListFault, VALID } from './status-list.ts';
import type { IssuerLookup, IssuerTrust, StatusLookup, TrustView } from './trust-view.ts';
import {
  CHECK_NAMES,
  type Check,
  type CheckName,
  type CheckReason,
  type Verification,
  type VerifiedCertificate,
} from './verification.ts';

export type VerificationCircumstances = {
  readonly trust: TrustView;
  /** Epoch seconds. */
  readonly now: number;
  /** By how much another authority's clock may run ahead of ours. */
  readonly skewSeconds: number;
  /** Asks the wallet to prove its key. Absent where the verifier does not ask. */
  readonly keyBinding?: KeyBindingPolicy;
};

type Presented =
  | { readonly kind: 'sd-jwt-vc'; readonly token: PresentedCertificate }
  | { readonly kind: 'paper'; readonly token: PaperToken };

/**
 * Is this certificate good? Takes an SD-JWT VC with or without key binding, a paper token, or the address in a QR code,
 * and does not throw for any text. A failed check makes the verdict invalid; else whatever could not be found out makes
 * it undetermined; only where nothing is left open it is valid. Keys come from the trust view, never from the token.
 */
export async function verifyCertificate(text: string, at: VerificationCircumstances): Promise<Verification> {
  const presented = readPresented(text);
  if (presented instanceof Error) return conclude([failed('form', reasonOf(presented))]);
  const lookup = findIssuer(presented, at.trust);
  const period = checkPeriod(presented, at);
  if (lookup.kind !== 'known') return conclude([passed('form'), refuseIssuer(lookup), period]);

  const { issuer } = lookup;
  const list = at.trust.statusList(issuer.statusListUri);
  const checks: readonly Check[] = [
    passed('form'),
    passed('issuer', isOver(issuer.expiresAt, at) ? 'chain_expired' : undefined),
    checkType(presented, issuer, at.trust.baseVct),
    await checkAgreement(presented, issuer, at),
    await checkSignature(presented, issuer, at),
    period,
    checkStatus(presented, issuer, list, at),
    await checkBinding(presented, at),
  ];
  const ofIssuer = checks.find(({ name }) => name === 'signature')?.outcome === 'passed';
  // Unless the issuer signed it, a text has no status and no holder: its index and key are a stranger's words.
  if (!ofIssuer) return conclude(checks.filter(({ name }) => name !== 'status' && name !== 'key_binding'));
  if (list.kind !== 'loaded') return conclude(checks);
  return withContinuity(conclude(checks, certified(presented, issuer, list, at)), at);
}

function readPresented(text: string): Presented | TokenFault | SdJwtFault {
  try {
    const token = text.startsWith('http') ? readPaperUrl(text) : text;
    if (token === undefined) return new TokenFault('not_compact');
    if (token.includes('~')) return { kind: 'sd-jwt-vc', token: readCertificate(token) };
    return { kind: 'paper', token: parsePaperToken(token) };
  } catch (error) {
    if (error instanceof TokenFault || error instanceof SdJwtFault) return error;
    throw error;
  }
}

function findIssuer({ kind, token }: Presented, trust: TrustView): IssuerLookup {
  return kind === 'paper'
    ? trust.issuerByCode(token.authorityCode, token.kidPrefix)
    : trust.issuer(token.issuer);
}

function refuseIssuer(lookup: Exclude<IssuerLookup, { kind: 'known' }>): Check {
  switch (lookup.kind) {
    case 'stranger':
      return failed('issuer', 'issuer_stranger');
    case 'undetermined':
      return undetermined('issuer', lookup.reason);
  }
}

/** The type must be one of this very issuer's, and of the network: a member must not sign what it has not announced. */
function checkType({ kind, token }: Presented, issuer: IssuerTrust, baseVct: string): Check {
  if (kind === 'paper') return notApplicable('type');
  const isOurs = issuer.vcts.includes(token.vct) && token.akaVcts.includes(baseVct);
  return isOurs ? passed('type') : failed('type', 'type_not_of_issuer');
}

/** Issued while the agreement was in force: leaving it later takes nothing from those who hold a certificate. */
async function checkAgreement(
  presented: Presented,
  { memberships, suspendedSince }: IssuerTrust,
  { trust }: VerificationCircumstances,
): Promise<Check> {
  const { token } = presented;
  const wasMember = memberships.some(
    ({ from, to }) => from <= token.issuedAt && (to === null || token.issuedAt < to),
  );
  if (!wasMember) return failed('agreement', 'issued_outside_agreement');
  if (suspendedSince === undefined) return passed('agreement');
  // What makes the anchor doubt an authority may be older than its suspension, and a date is the issuer's word: neither
  // good nor bad, except what was seen here before.
  const seenAt = await trust.firstSeen?.(signedText(presented));
  const wasSeen = seenAt !== undefined && seenAt < suspendedSince;
  return wasSeen ? passed('agreement', 'issuer_suspended') : undetermined('agreement', 'issuer_suspended');
}

async function checkSignature(
  presented: Presented,
  issuer: IssuerTrust,
  at: VerificationCircumstances,
): Promise<Check> {
  const { kind, token } = presented;
  const named = issuer.keys.filter(({ kid }) =>
    kind === 'paper' ? kid.startsWith(token.kidPrefix) : kid === token.kid,
  );
  if (named.length === 0) {
    // A chain past its end may lack a key that was published since, and a past that was never read one of long ago.
    const mayExist = isOver(issuer.expiresAt, at) || issuer.lacksPast === true;
    return mayExist ? undetermined('signature', 'key_unknown') : failed('signature', 'key_unknown');
  }
  const signer = await findSigner(token.jws, named);
  if (!signer) return failed('signature', 'signature_wrong');
  if (!wasGoodAt(signer, token.issuedAt)) return failed('signature', 'key_retired');
  // Whoever has a stolen key can write any date: only one that we know ourselves counts.
  if (isInDoubt(signer) && !(await isDatedBefore(signer, signedText(presented), at.trust.firstSeen)))
    return undetermined('signature', 'key_given_up');
  if (kind === 'sd-jwt-vc' && token.x5c && !leafKey(token.x5c)?.equals(signer.key))
    return failed('signature', 'signing_certificate_of_other_key');
  return passed('signature');
}

function signedText({ kind, token }: Presented): SignedText {
  const statusIndex = kind === 'paper' ? token.idx : token.status.idx;
  return { digest: sha256Base64url(token.jws.text), statusIndex };
}

async function findSigner(jws: CompactJws, keys: readonly IssuerKey[]): Promise<IssuerKey | undefined> {
  for (const candidate of keys) {
    try {
      await verifySignature(jws, candidate.key);
      return candidate;
    } catch (error) {
      if (!(error instanceof TokenFault)) throw error;
    }
  }
  return undefined;
}

function checkPeriod({ token }: Presented, { now, skewSeconds }: VerificationCircumstances): Check {
  try {
    checkTimes(token.jws.claims, { now, skewSeconds, maxLifetimeSeconds: MAX_LIFETIME_SECONDS });
    return passed('period');
  } catch (error) {
    if (error instanceof TokenFault) return failed('period', error.reason);
    throw error;
  }
}

/** The index counts only in the issuer's own list: a token that names another list names another authority's word. */
function checkStatus(
  presented: Presented,
  { statusListUri }: IssuerTrust,
  lookup: StatusLookup,
  at: VerificationCircumstances,
): Check {
  const { uri, idx } = statusRefOf(presented, statusListUri);
  if (uri !== statusListUri) return failed('status', 'status_uri_not_of_issuer');
  if (lookup.kind === 'unavailable') return undetermined('status', 'status_unavailable');
  // The age counts from the signature, not from the fetch: an old list fetched again is an old list.
  if (at.now - lookup.issuedAt > at.trust.maxStatusAgeSeconds)
    return undetermined('status', 'status_too_old');
  try {
    // One answer whatever the value: revoked, returned and moved away look the same to the public.
    if (readStatus(lookup.list, idx) !== VALID) return failed('status', 'status_invalid');
  } catch (error) {
    if (error instanceof StatusListFault) return failed('status', 'status_index_out_of_bounds');
    throw error;
  }
  return passed('status', isOver(lookup.expiresAt, at) ? 'list_expired' : undefined);
}

function statusRefOf({ kind, token }: Presented, statusListUri: string): StatusRef {
  return kind === 'paper' ? { uri: statusListUri, idx: token.idx } : token.status;
}

async function checkBinding(
  { kind, token }: Presented,
  { keyBinding: policy, now, skewSeconds }: VerificationCircumstances,
): Promise<Check> {
  if (kind === 'paper')
    return policy ? failed('key_binding', 'key_binding_missing') : notApplicable('key_binding');
  try {
    const { holderKey } = token;
    const result = await checkKeyBinding(token.sdJwt, { holderKey, policy, now, skewSeconds });
    return result === 'bound'
      ? passed('key_binding')
      : { name: 'key_binding', outcome: 'not_checked', reason: result };
  } catch (error) {
    if (error instanceof TokenFault || error instanceof KeyBindingFault)
      return failed('key_binding', error.reason);
    throw error;
  }
}

function certified(
  presented: Presented,
  issuer: IssuerTrust,
  list: Extract<StatusLookup, { kind: 'loaded' }>,
  at: VerificationCircumstances,
): VerifiedCertificate {
  const { kind, token } = presented;
  return {
    kind,
    issuer: { entityId: issuer.entityId, code: issuer.authorityCode, name: nameAt(issuer, token.issuedAt) },
    ...answersNow(issuer, token.issuedAt),
    claims: kind === 'paper' ? {} : token.claims,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    basedOn: {
      trustVerifiedAt: issuer.verifiedAt,
      statusIssuedAt: list.issuedAt,
      outdated: isOver(issuer.expiresAt, at) || isOver(list.expiresAt, at),
    },
    statusRef: statusRefOf(presented, issuer.statusListUri),
    digest: sha256Base64url(token.jws.text),
  };
}

/** The name that stood on the paper on the day: a later one would not be found on it. */
function nameAt({ name, names = [] }: IssuerTrust, issuedAt: number): IssuerTrust['name'] {
  const borne = names.findLast(({ from }) => from <= issuedAt);
  return borne ? { ja: borne.ja, en: borne.en } : name;
}

function answersNow(issuer: IssuerTrust, issuedAt: number): Pick<VerifiedCertificate, 'answersNow'> {
  const { answersNow: now, authorityCode } = issuer;
  const isSame = now?.code === authorityCode && now.name.ja === nameAt(issuer, issuedAt).ja;
  return now && !isSame ? { answersNow: now } : {};
}

/**
 * Adds what the disclosed links prove. The verdict stays: whether the certificate is good is one question, since when
 * the oath has stood is another, and only its own issuer answers for the first.
 */
async function withContinuity(
  verification: Verification,
  at: VerificationCircumstances,
): Promise<Verification> {
  if (verification.verdict !== 'valid') return verification;
  const { certificate } = verification;
  const { claims, issuer } = certificate;
  if (!claims.continuity) return verification;
  const continuity = await proveContinuity(claims.continuity, endOf(claims, issuer.code), at);
  return { ...verification, certificate: { ...certificate, continuity } };
}

/** Puts the checks in their order, fills in what was not reached, and draws the verdict. */
function conclude(done: readonly Check[], certificate?: VerifiedCertificate): Verification {
  const checks = CHECK_NAMES.map(
    (name) => done.find((check) => check.name === name) ?? { name, outcome: 'not_checked' as const },
  );
  if (checks.some(({ outcome }) => outcome === 'failed')) return { verdict: 'invalid', checks };
  if (!certificate || checks.some(({ outcome }) => outcome === 'undetermined'))
    return { verdict: 'undetermined', checks };
  return { verdict: 'valid', checks, certificate };
}

function isOver(expiresAt: number, { now }: VerificationCircumstances): boolean {
  return expiresAt <= now;
}

function reasonOf(fault: TokenFault | SdJwtFault): CheckReason {
  return fault.reason;
}

const passed = (name: CheckName, reason?: CheckReason): Check => ({
  name,
  outcome: 'passed',
  ...(reason && { reason }),
});
const failed = (name: CheckName, reason: CheckReason): Check => ({ name, outcome: 'failed', reason });
const undetermined = (name: CheckName, reason: CheckReason): Check => ({
  name,
  outcome: 'undetermined',
  reason,
});
const notApplicable = (name: CheckName): Check => ({ name, outcome: 'not_applicable' });
