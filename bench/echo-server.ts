/**
 * The least a Fastify does with a JSON body: reads it and gives it back. A process of its own, ended with its parent;
 * tells its port through the channel it was forked with.
 */
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

const app = fastify({ logger: false });
app.post('/echo', async ({ body }) => body);
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.((app.server.address() as AddressInfo).port);
process.once('disconnect', () => process.exit());
