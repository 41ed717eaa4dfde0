import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { StartFault } from './start-fault.ts';

/** One process of the network as it is to be run. */
export type ProcessPlan = {
  readonly name: { readonly ja: string; readonly en: string };
  /** TypeScript entry point. */
  readonly entry: string;
  readonly environment: { readonly [name: string]: string };
  readonly logFile: string;
  /** Answers 200 when the process can do its work. */
  readonly readyUrl: string;
};

const LOG_LIMIT_BYTES = 10_000_000;
const POLL_MS = 150;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** Whoever lived this long did not die of its start. */
const LONG_LIFE_MS = 30_000;

/**
 * A process that is kept alive: one that dies is started again, as an operating system's service manager would, after
 * a pause that doubles while it keeps dying. Only a death before it was ever ready ends the attempt.
 */
export class SupervisedProcess {
  readonly plan: ProcessPlan;
  readonly #onRevived: () => void;
  #child: ChildProcess | undefined;
  #stopping = new AbortController();
  #wasReady = false;
  #diedUnready = false;
  #pauseMs = FIRST_PAUSE_MS;
  #gone: Promise<void> = Promise.resolve();

  /** @param onRevived told when the process runs again under another number */
  constructor(plan: ProcessPlan, onRevived: () => void = () => undefined) {
    this.plan = plan;
    this.#onRevived = onRevived;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const startedAt = performance.now();
    const log = openLog(this.plan.logFile);
    const child = spawn(process.execPath, [this.plan.entry], {
      // Nothing of ours but the path: whoever configures this process by its environment means this one only.
      env: { PATH: process.env.PATH ?? '', ...this.plan.environment },
      // The channel carries nothing: when it closes, because this process died, the child stops by itself.
      stdio: ['ignore', log, log, 'ipc'],
      // Its own group: Ctrl-C in the terminal reaches the supervisor, which then stops each process in order.
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      const gone = () => {
        resolve();
        if (performance.now() - startedAt > LONG_LIFE_MS) this.#pauseMs = FIRST_PAUSE_MS;
        void this.#revive();
      };
      child.once('exit', gone);
      child.once('error', gone);
    });
  }

  async #revive(): Promise<void> {
    this.#child = undefined;
    if (!this.#wasReady) this.#diedUnready = true;
    if (this.#diedUnready) return;
    const { signal } = this.#stopping;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    this.start();
    this.#onRevived();
  }

  /** @throws StartFault `process_failed` where the process does not come up in time; the signal's reason */
  async ready(withinMs: number, signal: AbortSignal): Promise<void> {
    for (const end = performance.now() + withinMs; performance.now() < end; await pause(POLL_MS)) {
      signal.throwIfAborted();
      if (this.#diedUnready) break;
      if (await this.#answers()) {
        this.#wasReady = true;
        return;
      }
    }
    const { name, logFile } = this.plan;
    throw new StartFault('process_failed', {
      ja: `${name.ja}のプロセスが始まりません。理由は ${logFile} の末尾を見てください`,
      en: `${name.en} did not start: the reason stands at the end of ${logFile}.`,
    });
  }

  async #answers(): Promise<boolean> {
    try {
      const answer = await fetch(this.plan.readyUrl, { signal: AbortSignal.timeout(2000) });
      await answer.body?.cancel();
      return answer.status === 200;
    } catch {
      return false;
    }
  }

  /** Lets the process finish what it is doing; after `withinMs` it is killed, which it must survive anyway. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), withinMs);
    await this.#gone;
    clearTimeout(timer);
  }
}

/** Appended to, and begun anew when long; the one before is kept. */
function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}
