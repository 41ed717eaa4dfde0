import { setTimeout as pause } from 'node:timers/promises';

export type RepeatedWork = {
  /** Asks for a turn now, or right after the running one. */
  wake(): void;
  /** Lets the running turn end and begins no other. */
  stop(): Promise<void>;
};

/**
 * Does a piece of work again and again, one turn at a time: every `everyMs`, and whenever woken. All its state stands in
 * the database, so a turn that fails is simply repeated; `onFault` is told.
 *
 * @param work returns how many milliseconds to wait for the next turn, or nothing for the usual time
 */
export function repeatWork(
  everyMs: number,
  work: () => Promise<number | undefined>,
  onFault: (error: unknown) => void,
): RepeatedWork {
  let stopping = false;
  let woken = false;
  let sleep = new AbortController();
  const running = (async () => {
    while (!stopping) {
      woken = false;
      let waitMs: number | undefined;
      try {
        waitMs = await work();
      } catch (error) {
        onFault(error);
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
