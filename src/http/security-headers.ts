/**
 * On every answer, set by hand once (a plugin for this costs more than the whole routing). An answer of this service
 * loads nothing, is framed by nobody, is kept by no cache and tells no other site where it came from; a page or a
 * public list that needs more says so itself.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};
