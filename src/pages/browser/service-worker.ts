import type { KeptFiles } from './kept-files.ts';

/**
 * Keeps the page, its code and what was last known of the network, so that a certificate can be checked where there is no
 * connection. It keeps nothing else: no question and no answer goes through its hands.
 *
 * `KEPT` is written above this text by the node that serves it. A worker is one file, hence no import of a value.
 */
declare const KEPT: KeptFiles;
declare const self: {
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Asked) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly location: Location;
};
type Lasting = { waitUntil(work: Promise<unknown>): void };
type Asked = Lasting & { readonly request: Request; respondWith(answer: Promise<Response>): void };

const NAME = `chikai-${KEPT.version}`;
/** What is known of the network outlives a new edition of the code. */
const TRUST = 'chikai-trust';
/** A network that does not answer within this many milliseconds is no network to somebody at a counter. */
const PATIENCE_MS = 4_000;

self.addEventListener('install', (event) => event.waitUntil(keepAll()));
self.addEventListener('activate', (event) => event.waitUntil(dropOthers()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname === KEPT.trust) event.respondWith(fresh(request, TRUST));
  else if (url.pathname.startsWith('/v/code/')) event.respondWith(kept(request));
  else if (KEPT.files.includes(url.pathname)) event.respondWith(fresh(request, NAME));
});

async function keepAll(): Promise<void> {
  const [code, trust] = await Promise.all([caches.open(NAME), caches.open(TRUST)]);
  await Promise.all([code.addAll(KEPT.files), trust.add(KEPT.trust)]);
  await self.skipWaiting();
}

async function dropOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name !== NAME && name !== TRUST).map((name) => caches.delete(name)),
  );
  await self.clients.claim();
}

/** From the network, and kept; from what was kept where there is none. */
async function fresh(request: Request, name: string): Promise<Response> {
  const cache = await caches.open(name);
  const { pathname } = new URL(request.url);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error('no answer');
    await cache.put(pathname, answer.clone());
    return answer;
  } catch (error) {
    const last = await cache.match(pathname);
    if (last) return last;
    throw error;
  }
}

/** Code never changes under its address. */
async function kept(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  return (await caches.match(pathname)) ?? fetch(request);
}
