import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { components } from '../http/api.generated.ts';
import { StoryFault } from './demo-narration.ts';
import type { NetworkFile } from './network-file.ts';

export type Schemas = components['schemas'];

/** An authority as the story knows it: where it answers, and the log-ins of its fictional staff. */
export type DemoAuthority = NetworkFile['authorities'][number];

type Call = {
  readonly token?: string;
  readonly body?: unknown;
  /** The status that the story claims; anything else is a fault. */
  readonly expected?: number;
  readonly timeoutMs?: number;
};

/** The story speaks to a node as anybody would: over HTTP, with what openapi.yaml allows and nothing else. */
export class DemoNode {
  readonly authority: DemoAuthority;

  constructor(authority: DemoAuthority) {
    this.authority = authority;
  }

  get name(): string {
    return this.authority.name.ja;
  }

  get<Answer>(path: string, call: Omit<Call, 'body'> = {}): Promise<Answer> {
    return this.#call('GET', path, call);
  }

  post<Answer>(path: string, call: Call = {}): Promise<Answer> {
    return this.#call('POST', path, { expected: 201, ...call });
  }

  put<Answer>(path: string, call: Call = {}): Promise<Answer> {
    return this.#call('PUT', path, call);
  }

  /** @throws StoryFault that names operation, status and problem code, and never what was sent */
  async #call<Answer>(
    method: string,
    path: string,
    { token, body, expected = 200, timeoutMs = 15_000 }: Call,
  ): Promise<Answer> {
    const response = await fetch(`${this.authority.entityId}${path}`, {
      method,
      headers: {
        accept: 'application/json, application/problem+json',
        'accept-language': 'ja',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(method === 'POST' && token !== undefined ? { 'idempotency-key': randomUUID() } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (response.status === expected) return (text === '' ? undefined : JSON.parse(text)) as Answer;
    throw new StoryFault(
      `${this.name}: ${method} ${path} → ${response.status} ${problemIn(text)} (expected ${expected})`,
    );
  }

  /** Whether the node answers at all within a moment. */
  async isAlive(): Promise<boolean> {
    try {
      await this.get('/livez', { timeoutMs: 700 });
      return true;
    } catch {
      return false;
    }
  }
}

/** What a problem document may be quoted with: its code, where it points, and which requirements are unmet. */
function problemIn(text: string): string {
  try {
    const { code, pointer, rule, state, check, reason, unmet } = JSON.parse(text) as Schemas['Problem'];
    const requirements = unmet?.map(({ requirement, concerns }) => `${requirement}/${concerns}`).join(' ');
    return [code, pointer, rule, state, check, reason, requirements].filter(Boolean).join(' ');
  } catch {
    return 'without a problem document';
  }
}

/**
 * Asks again until the answer is there: whoever waits for another authority waits like this. Faults on the way count as
 * "not yet", because a node that is being started again refuses connections.
 *
 * @throws StoryFault with `sentence` and the last fault after `withinSeconds`
 */
export async function until<Result>(
  sentence: string,
  withinSeconds: number,
  ask: () => Promise<Result | undefined>,
): Promise<Result> {
  const end = performance.now() + withinSeconds * 1000;
  let last = '';
  while (performance.now() < end) {
    try {
      const result = await ask();
      if (result !== undefined) return result;
      last = '';
    } catch (error) {
      last = error instanceof Error ? ` (${error.message})` : '';
    }
    await pause(100);
  }
  throw new StoryFault(`${sentence}: not within ${withinSeconds} s${last}`);
}
