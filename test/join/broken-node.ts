import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { KeyRing } from '../../src/key-ring.ts';

/** @returns true where it has answered itself */
export type Distortion = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** Stands before a real node as a bad proxy or a bad version would, until the returned function is called. */
export function distort(server: Server, distortion: Distortion): () => void {
  const originals = server.listeners('request') as ((...args: unknown[]) => void)[];
  server.removeAllListeners('request');
  const distorted = async (request: IncomingMessage, response: ServerResponse) => {
    if (await distortion(request, response)) return;
    for (const original of originals) original.call(server, request, response);
  };
  server.on('request', distorted);
  return () => {
    server.removeAllListeners('request');
    for (const original of originals) server.on('request', original);
  };
}

/** Answers some addresses with this, and leaves the others to the node. */
export function answering(
  path: RegExp,
  status: number,
  body: string | (() => Promise<string>) = '',
  headers: Record<string, string> = {},
): Distortion {
  return async (request, response) => {
    if (!path.test(`${request.method} ${request.url}`)) return false;
    request.resume();
    response.writeHead(status, headers).end(typeof body === 'string' ? body : await body());
    return true;
  };
}

/** Takes a header out of every answer. */
export function withoutHeader(name: string): Distortion {
  return (_, response) => {
    const write = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
    response.writeHead = ((status: number, ...rest: unknown[]) => {
      response.removeHeader(name);
      const kept = rest.map((each) =>
        typeof each === 'object' && each !== null
          ? Object.fromEntries(Object.entries(each).filter(([key]) => key.toLowerCase() !== name))
          : each,
      );
      return write(status, ...kept);
    }) as typeof response.writeHead;
    return false;
  };
}

/** A key ring as it stands in its file. */
export function keyFileOf(ring: KeyRing): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(ring).flatMap(([purpose, value]): [string, unknown][] => {
      if (value instanceof Buffer) return [[purpose, value.toString('base64url')]];
      if (value === undefined || Array.isArray(value)) return [];
      return [[purpose, (value as KeyRing['message']).privateKey.export({ format: 'jwk' })]];
    }),
  );
}
