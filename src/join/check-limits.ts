import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { certificateVct } from '../certificate/type-metadata.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { NodeSubject } from './check-address.ts';
import { type Checks, failed, passed, untested } from './finding.ts';
import { type ProbeAnswer, probe } from './probe-client.ts';

/** Twice what the node allows for headers: whoever is still connected then is kept for ever. */
const SLOW_MS = 15_000;
const SILENT_CONNECTIONS = 50;
/** Where the QR code of a certificate on paper leads. */
const PAGE = '/v';
const OVERSIZED_BYTES = 80_000;

/** What must be there for anybody, and what a node may not put up with. */
export function limitChecks({ address, read }: NodeSubject, { quick }: { readonly quick: boolean }): Checks {
  const served = () => read.served !== undefined;
  return {
    async live() {
      if (!served()) return untested('no_answer');
      const answer = await probe(`${address}/livez`);
      return isOk(answer) ? passed : failed('not_live', said(answer));
    },
    async documents() {
      if (!served()) return untested('no_answer');
      for (const path of documentsOf(address)) {
        const answer = await probe(`${address}${path}`);
        if (!isOk(answer)) return failed('document_missing', `${path}: ${said(answer)}`);
      }
      return passed;
    },
    async pages() {
      if (!served()) return untested('no_answer');
      const answer = await probe(`${address}${PAGE}`);
      return isOk(answer) ? passed : failed('document_missing', `${PAGE}: ${said(answer)}`);
    },
    async body_limit() {
      if (!served()) return untested('no_answer');
      const answer = await probe(`${address}/v1/verifications`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ certificate: 'x'.repeat(OVERSIZED_BYTES) }),
      });
      return answer.kind === 'answered' && answer.status === 413
        ? passed
        : failed('body_unlimited', said(answer));
    },
    async half_open() {
      if (!served()) return untested('no_answer');
      const sockets = await Promise.all(Array.from({ length: SILENT_CONNECTIONS }, () => open(address)));
      const answer = await probe(`${address}/livez`, { timeoutMs: 5000 });
      for (const socket of sockets) socket?.destroy();
      return isOk(answer) ? passed : failed('half_open_blocks', said(answer));
    },
    async request_slow() {
      if (!served()) return untested('no_answer');
      if (quick) return untested('quick');
      return (await isDropped(address)) ? passed : failed('slow_kept', SLOW_MS / 1000);
    },
  };
}

function documentsOf(address: EntityId): readonly string[] {
  return [
    '/.well-known/jwt-vc-issuer',
    '/.well-known/openid-credential-issuer',
    certificateVct(address).slice(address.length),
    '/v1/members',
    '/v1/rule-sets',
  ];
}

function isOk(answer: ProbeAnswer): boolean {
  return answer.kind === 'answered' && answer.status === 200;
}

/** An answer in one word: its status, or why there is none. */
export function said(answer: ProbeAnswer): string {
  return answer.kind === 'answered' ? String(answer.status) : answer.code;
}

function open(address: string): Promise<Socket | undefined> {
  const { protocol, hostname, port } = new URL(address);
  const place = { host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
  return new Promise((resolve) => {
    const opened = () => resolve(socket);
    const socket: Socket =
      protocol === 'https:'
        ? connectTls({ ...place, servername: hostname }, opened)
        : connectPlain(place, opened);
    socket.on('error', () => resolve(undefined));
  });
}

/** Begins a request and never ends its headers. */
async function isDropped(address: string): Promise<boolean> {
  const socket = await open(address);
  if (!socket) return false;
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), SLOW_MS);
    const finish = (dropped: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(dropped);
    };
    socket.once('close', () => finish(true));
    socket.resume();
    socket.write(`GET /livez HTTP/1.1\r\nHost: ${new URL(address).host}\r\nX-Slow:`);
  });
}
