import { randomInt } from 'node:crypto';
import type { EntityId } from '../src/kernel/authority.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { proposeMapping } from '../src/ledger/column-mapping.ts';
import { mintStaffTokens } from '../src/network/demonstration-tokens.ts';
import type { BenchNode } from './bench-network.ts';
import type { Leg } from './measurement.ts';
import { asCsv, HEADINGS, syntheticRegister } from './synthetic-register.ts';

export const NAMES = { takeOver: 'couple of an older register taken over, over HTTP' } as const;

/** Enough for several chunks of the writing. */
const COUPLES = 1000;

/** What it costs to take a couple over: its row read and checked again, sealed, indexed and logged. */
export function importLegs(issuer: BenchNode): Leg[] {
  let next: { readonly importId: string; readonly token: string } | undefined;
  return [
    {
      name: NAMES.takeOver,
      server: issuer.pid,
      prepare: async () => {
        next = await prepareImport(issuer, COUPLES);
      },
      run: async () => {
        if (!next) throw new Error('nothing to take over');
        const start = performance.now();
        const done = await takeOver(issuer, next);
        return { done, seconds: (performance.now() - start) / 1000 };
      },
    },
  ];
}

/** Hands a register of new people in and tries it out. */
export async function prepareImport(
  issuer: BenchNode,
  couples: number,
): Promise<{ readonly importId: string; readonly token: string }> {
  const register = syntheticRegister({ seed: randomInt(1, 90_000), couples });
  const tokens = await mintStaffTokens(issuer.address as EntityId, {
    secret: issuer.keys.session,
    clock: systemClock,
  });
  const { importId } = await send(issuer, 'POST', '/v1/imports', tokens.clerk, 'text/csv', asCsv(register));
  const mapping = proposeMapping(HEADINGS);
  const path = `/v1/imports/${importId}/mapping`;
  await send(issuer, 'PUT', path, tokens.clerk, 'application/json', JSON.stringify({ mapping }));
  return { importId: String(importId), token: tokens.approver };
}

/** @returns how many couples were registered */
export async function takeOver(
  issuer: BenchNode,
  { importId, token }: { readonly importId: string; readonly token: string },
): Promise<number> {
  const body = JSON.stringify({ leaveOutFaultyRows: false });
  const path = `/v1/imports/${importId}/commitment`;
  const { report } = await send(issuer, 'POST', path, token, 'application/json', body);
  return Number((report as { registered?: number }).registered);
}

/** @throws Error with the answer's words */
export async function send(
  { address }: BenchNode,
  method: string,
  path: string,
  token: string,
  contentType: string,
  body: string,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': contentType,
      'idempotency-key': `bench-import-${randomInt(2 ** 40)}`,
    },
    body,
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
