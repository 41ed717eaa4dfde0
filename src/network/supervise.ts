import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** One process of the network as it is to be run. */
export type ProcessPlan = {
  readonly name: string;
  /** TypeScript entry point. */
  readonly entry: string;
  readonly environment: { readonly [name: string]: string };
  readonly logFile: string;
  /** Answers 200 when the process can do its work. */
  readonly readyUrl: string;
};

/**
 * A process that is kept alive: one that dies is started again after a short pause, as an operating system's service
 * manager would. Five deaths in a row before it was ever ready end the attempt.
 */
export class SupervisedProcess {
  readonly plan: ProcessPlan;
  #child: ChildProcess | undefined;
  #stopping = false;
  #diedUnready = 0;
  #wasReady = false;
  #gone: Promise<void> = Promise.resolve();

  constructor(plan: ProcessPlan) {
    this.plan = plan;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const log = openSync(this.plan.logFile, 'a', 0o600);
    const child = spawn(process.execPath, [this.plan.entry], {
      env: {
        PATH: process.env.PATH ?? '',
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
        ...this.plan.environment,
      },
      // The channel carries nothing: when it closes, because this process died, the child stops by itself.
      stdio: ['ignore', log, log, 'ipc'],
      // Its own group: Ctrl-C in the terminal reaches the supervisor, which then stops each process in order.
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once('exit', () => resolve()));
    child.once('exit', () => void this.#revive());
  }

  async #revive(): Promise<void> {
    if (this.#stopping) return;
    if (!this.#wasReady) this.#diedUnready += 1;
    if (this.#diedUnready >= 5) return;
    await pause(300);
    if (!this.#stopping) this.start();
  }

  /** @throws Error with one sentence where the process does not come up in time */
  async ready(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    while (performance.now() < end) {
      if (this.#diedUnready > 0) break;
      if (await this.isReady()) {
        this.#wasReady = true;
        return;
      }
      await pause(40);
    }
    throw new Error(`${this.plan.name} did not start; the reason stands at the end of ${this.plan.logFile}.`);
  }

  async isReady(): Promise<boolean> {
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
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
    await this.#gone;
    clearTimeout(timer);
  }
}
