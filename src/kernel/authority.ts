/** 全国地方公共団体コード, six digits with its check digit, e.g. `271403` for 堺市. */
export type AuthorityCode = string & { readonly __kind: 'authorityCode' };

/** OpenID Federation Entity Identifier of an authority: its issuer URL without a trailing slash. */
export type EntityId = string & { readonly __kind: 'entityId' };

/**
 * Whether six digits are a local-government code: JIS X 0401/0402 digits weighted 6,5,4,3,2;
 * the check digit is the last digit of 11 minus the sum modulo 11.
 */
export function isAuthorityCode(text: string): text is AuthorityCode {
  if (!/^\d{6}$/.test(text)) return false;
  const digits = [...text].map(Number);
  const sum = [6, 5, 4, 3, 2].reduce((total, weight, at) => total + weight * digits[at]!, 0);
  return (11 - (sum % 11)) % 10 === digits[5];
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a text is an entity identifier we accept: https, no query, fragment, user or trailing slash
 * (OpenID Federation 1.0 §1.2). Plain http only on loopback, where no third party can listen.
 */
export function isEntityId(text: unknown): text is EntityId {
  if (typeof text !== 'string' || text.length > 512) return false;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return false;
  }
  if (url.username || url.password || url.search || url.hash || text.endsWith('/')) return false;
  if (url.protocol === 'http:' ? !LOOPBACK.has(url.hostname) : url.protocol !== 'https:') return false;
  return url.href === text || url.href === `${text}/`;
}
