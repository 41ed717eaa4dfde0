import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type DatabaseAddress, newClient } from './database.ts';
import { safeDatabaseError } from './database-fault.ts';

export type Listener = {
  /** Ends the connection; no notification is handed on afterwards. */
  close(): Promise<void>;
};

export type ListenOptions = {
  /** Told of a lost connection; listening goes on by itself. */
  readonly onLost?: (error: unknown) => void;
};

/**
 * Wakes workers by PostgreSQL's LISTEN/NOTIFY, on a connection of its own. A notification is a hint and may be lost:
 * after each reconnection every channel is woken with an empty payload, and a worker looks at its table in any case.
 * Payloads carry ids only. Rejects when the first connection fails; later breaks are mended with growing pauses (≤ 5 s).
 */
export async function listen(
  address: string | DatabaseAddress,
  channels: readonly string[],
  wake: (channel: string, payload: string) => void,
  options: ListenOptions = {},
): Promise<Listener> {
  const closing = new AbortController();
  let current = await connect();

  async function connect(): Promise<pg.Client> {
    const client = newClient(address, 'chikai listener');
    // A break before this point rejects below; only a connection that served is mended.
    let serving = false;
    const lose = (error: unknown) => {
      if (!serving || closing.signal.aborted) return;
      serving = false;
      options.onLost?.(safeDatabaseError(error));
      void reconnect();
    };
    client.on('error', lose);
    client.on('end', () => lose(new Error('the listening connection has ended')));
    client.on('notification', (notice) => {
      if (!closing.signal.aborted) wake(notice.channel, notice.payload ?? '');
    });
    try {
      await client.connect();
      for (const channel of channels) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw safeDatabaseError(error);
    }
    serving = true;
    return client;
  }

  async function reconnect(): Promise<void> {
    for (let waitMs = 50; !closing.signal.aborted; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        const client = await connect();
        if (closing.signal.aborted) return void (await client.end());
        current = client;
        // What was notified meanwhile is gone for good.
        for (const channel of channels) wake(channel, '');
        return;
      } catch {
        await pause(waitMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  return {
    async close() {
      closing.abort();
      await current.end().catch(() => undefined);
    },
  };
}
