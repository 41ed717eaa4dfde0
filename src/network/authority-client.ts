/** Calls one authority's API as anybody outside does. */
export type AuthorityClient = {
  /** @throws Error with operation and problem code alone: what was sent is nobody's business in a terminal */
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown, idempotencyKey?: string): Promise<unknown>;
};

export function makeAuthorityClient(address: string, token?: string): AuthorityClient {
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown, idempotencyKey?: string) => {
    const answer = await fetch(`${address}${path}`, {
      method,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const content = (await answer.json()) as unknown;
    if (answer.ok) return content;
    const { code = 'no problem document' } = content as { code?: string };
    // The last word of a path that names a record is the kind of thing asked for, never the record.
    throw new Error(`${method} ${path.split('/').at(-1)}: ${answer.status} ${code}`);
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body, idempotencyKey) => call('POST', path, body, idempotencyKey),
  };
}
