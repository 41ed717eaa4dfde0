import type { FastifyInstance } from 'fastify';

/** Which methods an address answers to, from the routes as they are added, pages included. */
export function collectMethods(app: FastifyInstance): (url: string) => readonly string[] {
  const routes: { pattern: RegExp; methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    const source = url
      .split(/(:[A-Za-z0-9_]+|\*)/)
      .map((part) =>
        part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'),
      );
    routes.push({ pattern: new RegExp(`^${source.join('')}$`), methods: [method].flat() });
  });
  return (url) => {
    const path = url.split(/[?#]/, 1)[0] ?? '';
    return [...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))];
  };
}
