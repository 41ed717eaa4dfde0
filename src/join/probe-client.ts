/** What an address answered, or the code of what went wrong on the way (`ECONNREFUSED`, `CERT_HAS_EXPIRED`, `timeout`). */
export type ProbeAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly text: string;
      readonly header: (name: string) => string | null;
    }
  | { readonly kind: 'unreachable'; readonly code: string };

export type ProbeRequest = {
  readonly method?: 'GET' | 'POST';
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  readonly timeoutMs?: number;
};

const MAX_BYTES = 4_194_304;

/** Asks as a peer would: no redirect is followed, time and size are bounded. Never throws for what the other side does. */
export async function probe(url: string, request: ProbeRequest = {}): Promise<ProbeAnswer> {
  const { method = 'GET', headers = {}, body, timeoutMs = 8_000 } = request;
  try {
    const response = await fetch(url, {
      method,
      headers: { 'user-agent': 'chikai-join', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    const text = await readBounded(response);
    if (text === undefined) return { kind: 'unreachable', code: 'answer_too_large' };
    return { kind: 'answered', status: response.status, text, header: (name) => response.headers.get(name) };
  } catch (error) {
    return { kind: 'unreachable', code: codeOf(error) };
  }
}

async function readBounded(response: Response): Promise<string | undefined> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function codeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string; errors?: { code?: string }[] } };
  if (name === 'TimeoutError') return 'timeout';
  return cause?.code ?? cause?.errors?.[0]?.code ?? 'no_answer';
}
