import type { FastifyInstance } from 'fastify';
import { Refusal } from '../kernel/refusal.ts';
import { PAGE_PATHS } from './page-language.ts';
import { sendFile } from './served-file.ts';
import { makeSite, type Site, WORKER_PATH } from './site.ts';
import type { PageFacts } from './verify-page.ts';

/**
 * The pages for whoever is shown a certificate. They are files, the same for everybody, without cookies: a token stands in
 * the part of the address that no browser sends, and what is checked goes through the API like anybody's question.
 */
export function servePages(app: FastifyInstance, about: Omit<PageFacts, 'code'>): void {
  // Made for the first who asks: a node that nobody visits need not read its own code.
  let site: Site | undefined;
  const paths = [...Object.values(PAGE_PATHS), WORKER_PATH, '/v/code/:version/*'];
  for (const url of paths)
    app.get(url, async (request, reply) => {
      site ??= makeSite(about);
      const file = site.get(new URL(request.url, 'http://node').pathname);
      if (!file) throw new Refusal('route_not_found', {});
      return sendFile(request, reply, file);
    });
}
