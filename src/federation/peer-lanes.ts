/**
 * One lane per peer: what is to be done with one peer is done one after the other, and no peer waits for another. Of
 * several jobs that come while one is running only the last is kept, since each does all that is due.
 */
export class PeerLanes {
  readonly #onFault: (error: unknown) => void;
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, () => Promise<void>>();
  #isClosed = false;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  offer(peer: string, job: () => Promise<void>): void {
    if (this.#isClosed) return;
    if (this.#running.has(peer)) this.#next.set(peer, job);
    else this.#running.set(peer, this.#run(peer, job));
  }

  async #run(peer: string, first: () => Promise<void>): Promise<void> {
    let job: (() => Promise<void>) | undefined = first;
    while (job) {
      await job().catch(this.#onFault);
      job = this.#isClosed ? undefined : this.#next.get(peer);
      this.#next.delete(peer);
    }
    this.#running.delete(peer);
  }

  /** Lets what is running end, and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running.values());
  }
}
