import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

export type Said = {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says; the load looks into it
  readonly body: any;
  /** Whether an earlier try of the same may have been carried out without an answer. */
  readonly again: boolean;
};

export type Ask = {
  readonly token?: string | undefined;
  readonly body?: unknown;
  /** Commands only: the same key at each try. */
  readonly idempotent?: boolean;
};

/** How often each kind of no-answer was met. */
export type Weather = { unanswered: number; faults: Map<string, number> };

/** Nobody answered before patience ended. What that means is for whoever asked. */
export class NoAnswer extends Error {}

/**
 * Asks until somebody answers, as people at a counter do: whatever ends without an answer, or with the server's own
 * fault, is asked again with the same idempotency key. So each interrupted command also tests that it is done once.
 */
export class Counter {
  readonly #address: string;
  readonly #weather: Weather;
  readonly #patience: AbortSignal;

  constructor(address: string, weather: Weather, patience: AbortSignal) {
    this.#address = address;
    this.#weather = weather;
    this.#patience = patience;
  }

  /** One answer with a status below 500 that is not 429. @throws NoAnswer when patience ends */
  async ask(method: string, path: string, { token, body, idempotent = false }: Ask = {}): Promise<Said> {
    const key = randomUUID();
    for (let tries = 0; !this.#patience.aborted; tries += 1) {
      const answer = await this.#once(method, path, { token, body, key: idempotent ? key : undefined });
      if (answer) return { ...answer, again: tries > 0 };
      await pause(Math.min(200 * 2 ** tries, 3000));
    }
    throw new NoAnswer(`${method} ${path.split('/').slice(0, 3).join('/')}`);
  }

  async #once(
    method: string,
    path: string,
    { token, body, key }: { token?: string | undefined; body?: unknown; key?: string | undefined },
  ): Promise<Omit<Said, 'again'> | undefined> {
    try {
      const response = await fetch(`${this.#address}${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(8000),
      });
      const text = await response.text();
      if (response.status >= 500 || response.status === 429) {
        const fault = `${response.status} ${codeIn(text)} of ${method} ${path.split('/').at(-1)?.length === 36 ? '{id}' : path.split('/').at(-1)?.split('?')[0]}`;
        this.#weather.faults.set(fault, (this.#weather.faults.get(fault) ?? 0) + 1);
        return undefined;
      }
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    } catch {
      this.#weather.unanswered += 1;
      return undefined;
    }
  }
}

function codeIn(text: string): string {
  try {
    return (JSON.parse(text) as { code?: string }).code ?? '';
  } catch {
    return 'no problem document';
  }
}
