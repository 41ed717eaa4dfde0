import { type Clock, epochSeconds } from '../kernel/clock.ts';

/** Why a peer could not be asked. Closed: the view of the network puts each into words. */
export type ContactCause =
  | 'name_not_resolved'
  | 'connection_refused'
  | 'connection_cut'
  | 'too_slow'
  | 'tls_refused'
  | 'answer_too_large'
  | 'server_error';

/** What is known of one peer's answering. Times in epoch seconds. */
export type Contact = {
  readonly lastAnswerAt: number | undefined;
  /** Since when every try has failed, and why the last one did. */
  readonly trouble: { readonly cause: ContactCause; readonly since: number } | undefined;
  /** By how much its clock runs ahead of ours, as its answers say; whole seconds, negative where it is behind. */
  readonly clockAheadSeconds: number | undefined;
};

export type ContactNews = { readonly origin: string; readonly cause: ContactCause | undefined };

const SILENT: Contact = { lastAnswerAt: undefined, trouble: undefined, clockAheadSeconds: undefined };

/** Seconds that two clocks may differ before somebody is told: messages are refused from 10 on. */
export const CLOCK_ALARM_SECONDS = 5;

/**
 * Who answers and who does not, by origin, as this process has found. It is for those who look after the network:
 * nothing is decided by it, so a restart may forget it.
 */
export class PeerContacts {
  readonly #clock: Clock;
  readonly #onChange: (news: ContactNews) => void;
  readonly #contacts = new Map<string, Contact>();

  constructor(clock: Clock, onChange: (news: ContactNews) => void = () => undefined) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** @param date the answer's `Date` header (RFC 9110 §6.6.1), whole seconds */
  answered(url: string, date: string | null | undefined): void {
    const { origin } = new URL(url);
    const before = this.#contacts.get(origin) ?? SILENT;
    const now = epochSeconds(this.#clock());
    const theirs = date ? Date.parse(date) : Number.NaN;
    this.#contacts.set(origin, {
      lastAnswerAt: now,
      trouble: undefined,
      clockAheadSeconds: Number.isNaN(theirs) ? before.clockAheadSeconds : theirs / 1000 - now,
    });
    if (before.trouble) this.#onChange({ origin, cause: undefined });
  }

  failed(url: string, cause: ContactCause): void {
    const { origin } = new URL(url);
    const before = this.#contacts.get(origin) ?? SILENT;
    const since = before.trouble?.since ?? epochSeconds(this.#clock());
    this.#contacts.set(origin, { ...before, trouble: { cause, since } });
    if (before.trouble?.cause !== cause) this.#onChange({ origin, cause });
  }

  of(url: string): Contact {
    return this.#contacts.get(new URL(url).origin) ?? SILENT;
  }

  /**
   * By how much our own clock seems to be wrong: where most of at least two others see it the same way, it is ours and
   * not theirs.
   *
   * @returns whole seconds, positive where ours is fast; undefined where nothing speaks against it
   */
  ownClockFastSeconds(): number | undefined {
    const ahead = [...this.#contacts.values()]
      .flatMap(({ clockAheadSeconds }) => clockAheadSeconds ?? [])
      .toSorted((a, b) => a - b);
    // The lower and the upper median: of two that disagree neither decides.
    const [low, high] = [ahead[Math.floor((ahead.length - 1) / 2)], ahead[Math.floor(ahead.length / 2)]];
    if (ahead.length < 2 || low === undefined || high === undefined) return undefined;
    const isSure = Math.min(Math.abs(low), Math.abs(high)) > CLOCK_ALARM_SECONDS && low * high > 0;
    return isSure ? -Math.round((low + high) / 2) : undefined;
  }
}

const BY_CODE: Readonly<Record<string, ContactCause>> = {
  ENOTFOUND: 'name_not_resolved',
  EAI_AGAIN: 'name_not_resolved',
  ECONNREFUSED: 'connection_refused',
  EHOSTUNREACH: 'connection_refused',
  ENETUNREACH: 'connection_refused',
  UND_ERR_CONNECT_TIMEOUT: 'too_slow',
  UND_ERR_HEADERS_TIMEOUT: 'too_slow',
  UND_ERR_BODY_TIMEOUT: 'too_slow',
};

/** What an error of `fetch` or `node:http` means for whoever looks after the network. */
export function causeOf(error: unknown): ContactCause {
  if (!(error instanceof Error)) return 'connection_cut';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'too_slow';
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (BY_CODE[code]) return BY_CODE[code];
  if (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code)) return 'tls_refused';
  return error.cause === undefined ? 'connection_cut' : causeOf(error.cause);
}
