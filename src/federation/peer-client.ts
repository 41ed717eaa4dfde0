import { type ContactCause, causeOf, type PeerContacts } from './peer-contacts.ts';

/** What a peer answered: a text of a bounded size, or why there is none. Never an exception for a peer's fault. */
export type PeerAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly text: string;
      readonly etag: string | null;
    }
  | { readonly kind: 'unreachable'; readonly cause: ContactCause };

export type PeerClient = {
  get(
    url: string,
    options: { readonly accept: string; readonly etag?: string | undefined; readonly maxBytes: number },
  ): Promise<PeerAnswer>;
  post(
    url: string,
    options: { readonly contentType: string; readonly body: string; readonly maxBytes: number },
  ): Promise<PeerAnswer>;
};

export type PeerClientTerms = {
  /** For the whole of one exchange, so that neither silence nor one byte a second holds anything up for longer. */
  readonly timeoutMs: number;
  /** Is told who answers and who does not. */
  readonly contacts?: PeerContacts;
};

/**
 * HTTP to members, whose addresses a verified trust chain has named and held to their own host. No redirect is
 * followed, time and size are bounded, and a peer that is slow or silent is simply unreachable.
 */
export function makePeerClient(terms: PeerClientTerms): PeerClient {
  return {
    get: (url, { accept, etag, maxBytes }) =>
      ask(url, { headers: { accept, ...(etag ? { 'if-none-match': etag } : {}) } }, maxBytes, terms),
    post: (url, { contentType, body, maxBytes }) =>
      ask(url, { method: 'POST', headers: { 'content-type': contentType }, body }, maxBytes, terms),
  };
}

async function ask(
  url: string,
  init: RequestInit,
  maxBytes: number,
  { timeoutMs, contacts }: PeerClientTerms,
): Promise<PeerAnswer> {
  const unreachable = (cause: ContactCause): PeerAnswer => {
    contacts?.failed(url, cause);
    return { kind: 'unreachable', cause };
  };
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    const text = await readBounded(response, maxBytes);
    if (text === undefined) return unreachable('answer_too_large');
    const { status, headers } = response;
    // Our own protocols answer 503 while they start; a proxy answers 502 and 504 for a node that is not there.
    if (status >= 500) contacts?.failed(url, 'server_error');
    else contacts?.answered(url, headers.get('date'));
    return { kind: 'answered', status, text, etag: headers.get('etag') };
  } catch (error) {
    return unreachable(causeOf(error));
  }
}

async function readBounded(response: Response, maxBytes: number): Promise<string | undefined> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
