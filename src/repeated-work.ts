import { setTimeout as pause } from 'node:timers/promises';

export type RepeatedWork = {
  /** Asks for a turn now, or right after the running one. */
  wake(): void;
  /** Lets the running turn end and begins no other. */
  stop(): Promise<void>;
};

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Milliseconds until work that failed `failures` times in a row is tried again: 1 s, doubled to at most 60 s. */
export function retryAfterMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
}

/**
 * Does a piece of work again and again, one turn at a time: every `everyMs`, and whenever woken. All its state stands in
 * the database, so a turn that fails is simply repeated, soon and not only at its usual time, which may be an hour away.
 *
 * @param work returns how many milliseconds to wait for the next turn, or nothing for the usual time
 * @param onFault is told of each failure, and of how many there were in a row
 */
export function repeatWork(
  everyMs: number,
  work: () => Promise<number | undefined>,
  onFault: (error: unknown, failures: number) => void,
  retryMs: (failures: number) => number = retryAfterMs,
): RepeatedWork {
  let stopping = false;
  let failures = 0;
  let woken = false;
  let sleep = new AbortController();
  const running = (async () => {
    while (!stopping) {
      woken = false;
      let waitMs: number | undefined;
      try {
        waitMs = await work();
        failures = 0;
      } catch (error) {
        failures += 1;
        waitMs = Math.min(everyMs, retryMs(failures));
        onFault(error, failures);
      }
      if (stopping || woken) continue;
      await pause(waitMs ?? everyMs, undefined, { signal: sleep.signal, ref: false }).catch(() => undefined);
      sleep = new AbortController();
    }
  })();
  const interrupt = () => {
    woken = true;
    sleep.abort();
  };
  return {
    wake: interrupt,
    async stop() {
      stopping = true;
      interrupt();
      await running;
    },
  };
}
