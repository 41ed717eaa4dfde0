import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What the wire of one node does. `slow`: each piece is late. `half_open`: connections are taken and nothing ever comes
 * through. `torn`: the connection breaks in the middle of an answer. `deaf`: what is asked arrives, the answer does not.
 */
export const WIRE_MOODS = ['open', 'refusing', 'slow', 'half_open', 'torn', 'deaf'] as const;
export type WireMood = (typeof WIRE_MOODS)[number];

const LATE_MS = 700;

/** The only way to a node's port: everybody, peers and counters alike, comes through here. */
export class TcpProxy {
  mood: WireMood = 'open';
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket | undefined]>();
  readonly #deadened = new WeakSet<Socket>();
  /** How many pieces are still on their way to a socket. */
  readonly #late = new WeakMap<Socket, number>();
  readonly #target: number;
  readonly #below: (limit: number) => number;

  /** @param below random whole numbers under a limit */
  constructor(target: number, below: (limit: number) => number) {
    this.#target = target;
    this.#below = below;
    this.#server = createServer((near) => this.#accept(near));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  /** Every connection there is ends at this moment, in the middle of whatever it carries. */
  cut(): void {
    for (const pair of this.#pairs) {
      this.cuts += 1;
      for (const socket of pair) socket?.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined);
    switch (this.mood) {
      case 'refusing':
        near.resetAndDestroy();
        this.cuts += 1;
        return;
      case 'half_open':
        this.#keep([near, undefined]);
        near.resume();
        return;
      case 'open':
      case 'slow':
      case 'torn':
      case 'deaf':
        this.#join(near);
    }
  }

  #join(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1');
    const pair = [near, far] as const;
    this.#keep(pair);
    far.on('error', () => near.resetAndDestroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    near.on('data', (piece: Buffer) => this.#pass(piece, far, 'question'));
    far.on('data', (piece: Buffer) => this.#pass(piece, near, 'answer'));
    near.on('end', () => far.end());
    far.on('end', () => near.end());
  }

  #pass(piece: Buffer, to: Socket, direction: 'question' | 'answer'): void {
    // A stream that has lost a piece carries nothing any more: TCP never leaves one out.
    if (this.#deadened.has(to)) return;
    switch (this.mood) {
      case 'slow':
        this.#passLater(piece, to);
        return;
      case 'torn':
        if (direction === 'question') {
          this.#passInOrder(piece, to);
          return;
        }
        to.write(piece.subarray(0, this.#below(piece.length)));
        this.#deadened.add(to);
        this.cuts += 1;
        setImmediate(() => to.destroy());
        return;
      case 'deaf':
        if (direction === 'question') this.#passInOrder(piece, to);
        else this.#deadened.add(to);
        return;
      case 'open':
      case 'refusing':
      case 'half_open':
        this.#passInOrder(piece, to);
    }
  }

  #passInOrder(piece: Buffer, to: Socket): void {
    if (this.#late.has(to)) this.#passLater(piece, to);
    else if (to.writable) to.write(piece);
  }

  /** The same delay for every piece, so that none overtakes another. */
  #passLater(piece: Buffer, to: Socket): void {
    this.#late.set(to, (this.#late.get(to) ?? 0) + 1);
    setTimeout(() => {
      const left = (this.#late.get(to) ?? 1) - 1;
      if (left === 0) this.#late.delete(to);
      else this.#late.set(to, left);
      if (to.writable) to.write(piece);
    }, LATE_MS).unref();
  }

  #keep(pair: readonly [Socket, Socket | undefined]): void {
    this.#pairs.add(pair);
    pair[0].on('close', () => this.#pairs.delete(pair));
  }
}
