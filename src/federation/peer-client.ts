/** What a peer answered: a text of a bounded size, or why there is none. Never an exception for a peer's fault. */
export type PeerAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly text: string;
      readonly etag: string | null;
    }
  | { readonly kind: 'unreachable' };

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

/**
 * HTTP to members, whose addresses a verified trust chain has named and held to their own host. No redirect is
 * followed, time and size are bounded, and a peer that is slow or silent is simply unreachable.
 */
export function makePeerClient({ timeoutMs }: { readonly timeoutMs: number }): PeerClient {
  return {
    get: (url, { accept, etag, maxBytes }) =>
      ask(url, { headers: { accept, ...(etag ? { 'if-none-match': etag } : {}) } }, maxBytes, timeoutMs),
    post: (url, { contentType, body, maxBytes }) =>
      ask(url, { method: 'POST', headers: { 'content-type': contentType }, body }, maxBytes, timeoutMs),
  };
}

async function ask(url: string, init: RequestInit, maxBytes: number, timeoutMs: number): Promise<PeerAnswer> {
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    const text = await readBounded(response, maxBytes);
    return text === undefined
      ? { kind: 'unreachable' }
      : { kind: 'answered', status: response.status, text, etag: response.headers.get('etag') };
  } catch {
    return { kind: 'unreachable' };
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
