import { createHash } from 'node:crypto';
import type { EntityId } from '../kernel/authority.ts';
import { isJsonObject, type JsonObject } from '../kernel/strict-json.ts';
import type { EntityConfiguration } from './entity-statement.ts';
import { TrustFault } from './trust-fault.ts';

/**
 * Where a superior's documents lie as files, for a server that knows nothing but files and so cannot read `?sub=`.
 *
 * An anchor or intermediate that publishes files says so in `static_documents` of its own `federation_entity` metadata:
 * addresses on its own origin in which `{sub}` stands for the lower-case hex SHA-256 of the entity identifier and
 * `{type}` for that of the mark's type. The endpoints of the specification are asked first; a file is looked for only
 * where they are not there or give no answer that can be used. Files say nothing by themselves: each is signed,
 * except the two lists, which only say whom to ask about.
 */
const STATIC_PATHS = {
  statement: '/federation/statements/{sub}.jwt',
  mark: '/federation/marks/{type}/{sub}.jwt',
  list: '/federation/list.json',
  intermediates: '/federation/intermediates.json',
} as const;

export type StaticDocument = keyof typeof STATIC_PATHS;

/** The member `static_documents` of an entity's metadata. */
export function staticDocuments(entityId: EntityId): JsonObject {
  return Object.fromEntries(Object.entries(STATIC_PATHS).map(([name, path]) => [name, `${entityId}${path}`]));
}

/** The file's path below the entity identifier, with a leading slash. */
export function staticPath(
  name: StaticDocument,
  about: { readonly sub?: string; readonly type?: string } = {},
): string {
  return fill(STATIC_PATHS[name], about);
}

/**
 * The address of a file, from what the superior says of itself.
 *
 * @returns undefined where it publishes no such file
 * @throws TrustFault `fetch_endpoint_foreign` where it sends us to another host
 */
export function staticUrl(
  superior: EntityConfiguration,
  name: StaticDocument,
  about: { readonly sub?: string; readonly type?: string } = {},
): string | undefined {
  const documents = superior.metadata.federation_entity?.static_documents;
  const template = isJsonObject(documents) ? documents[name] : undefined;
  return typeof template === 'string'
    ? ownAddress(superior, fill(template, about), 'static_documents').href
    : undefined;
}

/** Only on the entity's own origin: else its metadata could send us anywhere. @throws TrustFault `fetch_endpoint_foreign` */
export function ownAddress(superior: EntityConfiguration, address: string, parameter: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.origin !== new URL(superior.subject).origin || url.username || url.password || url.hash)
    throw new TrustFault('fetch_endpoint_foreign', parameter);
  return url;
}

/** Whether the standard endpoint gave no answer that says anything: nothing is there, or some page of the server's. */
export function isNoAnswer(error: unknown): boolean {
  return (
    error instanceof TrustFault &&
    (error.reason === 'statement_not_found' || error.reason === 'response_unusable')
  );
}

function fill(template: string, { sub, type }: { readonly sub?: string; readonly type?: string }): string {
  const hex = (text: string) => createHash('sha256').update(text).digest('hex');
  let filled = template;
  if (sub !== undefined) filled = filled.replaceAll('{sub}', hex(sub));
  if (type !== undefined) filled = filled.replaceAll('{type}', hex(type));
  return filled;
}
