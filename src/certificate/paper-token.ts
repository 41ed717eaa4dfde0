import type { KeyObject } from 'node:crypto';
import { type AuthorityCode, isAuthorityCode } from '../kernel/authority.ts';
import { fromBase64url, toBase64url } from '../kernel/base64url.ts';
import {
  type CompactJws,
  parseCompactJws,
  requireString,
  signCompactJws,
  TokenFault,
  verifySignature,
} from '../kernel/compact-jws.ts';
import { type SigningKey, thumbprintOf } from '../kernel/signing-key.ts';
import { CertificateFault, isStatusIndex, MAX_LIFETIME_SECONDS } from './certificate-content.ts';
import { requireDate } from './presented-certificate.ts';
import type { RandomBytes } from './sd-jwt.ts';

/**
 * What the QR code on paper says: who vouches, which bit to look up, from when until when, and 96 random bits. Nothing
 * about a person, so that a photograph of the card tells nobody's name; the eye compares the rest.
 */
export type PaperContent = {
  readonly authorityCode: AuthorityCode;
  readonly idx: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
};

export type PaperToken = PaperContent & {
  readonly jti: string;
  /** Beginning of the thumbprint: enough to choose among the keys of one authority. */
  readonly kidPrefix: string;
  readonly jws: CompactJws;
};

/** Beyond this the QR code no longer fits on a card at 34 mm. */
export const MAX_PAPER_LENGTH = 300;

const TYP = 'oath+jwt';
const KID_LENGTH = 8;
const CLAIMS = ['iss', 'idx', 'iat', 'exp', 'jti'];

/** @throws CertificateFault before signing, or where the token would not fit */
export async function signPaperToken(
  content: PaperContent,
  key: SigningKey,
  randomBytes: RandomBytes,
): Promise<string> {
  const { authorityCode: iss, idx, issuedAt: iat, expiresAt: exp } = content;
  if (!isAuthorityCode(iss)) throw new CertificateFault('issuer_malformed');
  if (!isStatusIndex(idx)) throw new CertificateFault('status_malformed');
  if (!(exp > iat && exp - iat <= MAX_LIFETIME_SECONDS)) throw new CertificateFault('period_malformed');
  const header = { typ: TYP, kid: key.kid.slice(0, KID_LENGTH) };
  const claims = { iss, idx, iat, exp, jti: toBase64url(randomBytes(12)) };
  const text = await signCompactJws(header, claims, key.privateKey);
  if (text.length > MAX_PAPER_LENGTH) throw new CertificateFault('signed_form_differs');
  return text;
}

/**
 * Reads a paper token without believing it. Members beyond its own are refused: the form is fixed by its `typ`, and
 * room for more would be room for a name.
 *
 * @throws TokenFault
 */
export function parsePaperToken(text: string): PaperToken {
  const jws = parseCompactJws(text, { typ: TYP, maxLength: MAX_PAPER_LENGTH, requiredHeader: ['kid'] });
  const { claims } = jws;
  const kidPrefix = requireString(jws.header, 'kid');
  if (kidPrefix.length !== KID_LENGTH) throw new TokenFault('header_malformed', 'kid');
  if (Object.keys(claims).some((claim) => !CLAIMS.includes(claim))) throw new TokenFault('payload_malformed');
  const authorityCode = requireString(claims, 'iss');
  if (!isAuthorityCode(authorityCode)) throw new TokenFault('claim_malformed', 'iss');
  if (claims.idx === undefined) throw new TokenFault('claim_missing', 'idx');
  if (!isStatusIndex(claims.idx)) throw new TokenFault('claim_malformed', 'idx');
  const jti = requireString(claims, 'jti');
  if (fromBase64url(jti)?.length !== 12) throw new TokenFault('claim_malformed', 'jti');
  return {
    authorityCode,
    idx: claims.idx,
    issuedAt: requireDate(claims, 'iat'),
    expiresAt: requireDate(claims, 'exp'),
    jti,
    kidPrefix,
    jws,
  };
}

/** The last look before a paper token is printed. @throws CertificateFault where it is not what was to be signed */
export async function lintPaperToken(
  text: string,
  content: PaperContent,
  publicKey: KeyObject,
): Promise<void> {
  const token = readBack(text);
  if (!thumbprintOf(publicKey).startsWith(token.kidPrefix))
    throw new CertificateFault('signed_header_differs');
  const isSame =
    token.authorityCode === content.authorityCode &&
    token.idx === content.idx &&
    token.issuedAt === content.issuedAt &&
    token.expiresAt === content.expiresAt;
  if (!isSame) throw new CertificateFault('signed_claims_differ');
  try {
    await verifySignature(token.jws, publicKey);
  } catch {
    throw new CertificateFault('signed_signature_differs');
  }
}

function readBack(text: string): PaperToken {
  try {
    return parsePaperToken(text);
  } catch {
    throw new CertificateFault('signed_form_differs');
  }
}

/** The text of the QR code. The token stands in the fragment, which a browser never sends: no server logs it. */
export function paperUrl(base: string, token: string): string {
  return `${base}/v#${token}`;
}

const PAPER_URL = /^https?:\/\/[^\s#]{1,400}\/v#([A-Za-z0-9_.-]{1,300})$/;

/**
 * The token in a scanned address, whosever page it names: any member's page can check any member's paper, and the
 * address proves nothing.
 *
 * @returns undefined where the text is not such an address
 */
export function readPaperUrl(text: string): string | undefined {
  return text.length > 1_000 ? undefined : PAPER_URL.exec(text)?.[1];
}
