import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type EntityId, isEntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import { parseCompactJws } from '../kernel/compact-jws.ts';
import type { AnchorDocuments, ListedEntity } from './anchor-documents.ts';
import { configurationUrl } from './entity-statement.ts';
import { type PublicationIndex, sha256 } from './make-publication.ts';
import { staticPath } from './static-documents.ts';
import { ANCHOR_PATHS, MEMBER_HISTORY_PATH } from './trust-anchor.ts';
import { reading } from './trust-fault.ts';
import { MAX_TRUST_MARK_LENGTH, TRUST_MARK_TYP } from './trust-mark.ts';

type Loaded = { readonly index: PublicationIndex; readonly files: ReadonlyMap<string, string> };

/** A published folder cannot be served. The message names files, nothing of what they say. */
export class PublicationFault extends Error {}

/**
 * What was signed elsewhere, from a folder: no key is here. The folder is read whole into memory, again when its index
 * changes, and only where every file is the one that the index names: while a new publication is being copied, the
 * last one stands.
 */
export class PublishedFolder implements AnchorDocuments {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #onFault: (fault: string) => void;
  #loaded: Loaded;
  #seen: string;

  private constructor(
    folder: string,
    terms: { readonly clock: Clock; readonly onFault: (fault: string) => void },
    first: { readonly loaded: Loaded; readonly seen: string },
  ) {
    this.#folder = folder;
    this.#clock = terms.clock;
    this.#onFault = terms.onFault;
    this.#loaded = first.loaded;
    this.#seen = first.seen;
  }

  /** @throws PublicationFault where there is no whole publication at the start */
  static async open(
    folder: string,
    terms: { readonly clock: Clock; readonly onFault: (fault: string) => void },
  ): Promise<PublishedFolder> {
    const seen = await markOf(folder);
    return new PublishedFolder(folder, terms, { loaded: await loadFolder(folder), seen });
  }

  get index(): PublicationIndex {
    return this.#loaded.index;
  }

  async configuration(): Promise<string> {
    return this.#always(configurationUrl('' as EntityId));
  }

  async statement(sub: EntityId): Promise<string | undefined> {
    return (await this.#current()).files.get(staticPath('statement', { sub }));
  }

  async listed(): Promise<readonly ListedEntity[]> {
    const { index } = await this.#current();
    const now = epochSeconds(this.#clock());
    return index.listed.map(({ sub, entityTypes, isIntermediate, marks }) => ({
      sub,
      entityTypes,
      isIntermediate,
      markTypes: marks.filter(({ expiresAt }) => expiresAt > now).map(({ type }) => type),
    }));
  }

  async mark(type: string, sub: EntityId): Promise<string | undefined> {
    return (await this.#current()).files.get(staticPath('mark', { sub, type }));
  }

  async markStatus(mark: string): Promise<string | undefined> {
    const form = { typ: TRUST_MARK_TYP, maxLength: MAX_TRUST_MARK_LENGTH, requiredHeader: ['kid'] };
    reading(() => parseCompactJws(mark, form));
    const { index, files } = await this.#current();
    const name = sha256(mark);
    const status = Object.hasOwn(index.statuses, name) ? index.statuses[name] : undefined;
    return status && status.until > epochSeconds(this.#clock()) ? files.get(status.path) : undefined;
  }

  historicalKeys(): Promise<string> {
    return this.#always(ANCHOR_PATHS.federation_historical_keys_endpoint);
  }

  memberHistory(): Promise<string> {
    return this.#always(MEMBER_HISTORY_PATH);
  }

  /** Any file of the publication, as a plain file server would give it, with its own media type. */
  async file(path: string): Promise<{ readonly text: string; readonly mediaType: string } | undefined> {
    const { index, files } = await this.#current();
    const [text, about] = [files.get(path), Object.hasOwn(index.files, path) ? index.files[path] : undefined];
    return text !== undefined && about ? { text, mediaType: about.mediaType } : undefined;
  }

  async #always(path: string): Promise<string> {
    const text = (await this.#current()).files.get(path);
    if (text === undefined) throw new PublicationFault(`${path} is missing`);
    return text;
  }

  async #current(): Promise<Loaded> {
    const mark = await markOf(this.#folder);
    if (mark === this.#seen) return this.#loaded;
    try {
      const loaded = await loadFolder(this.#folder);
      if (loaded.index.entityId !== this.#loaded.index.entityId)
        throw new PublicationFault('it is the publication of another entity');
      if (loaded.index.publishedAt < this.#loaded.index.publishedAt)
        throw new PublicationFault('it is older than the one that is served');
      this.#loaded = loaded;
      this.#seen = mark;
    } catch (error) {
      if (!(error instanceof PublicationFault)) throw error;
      // not remembered as seen: the copy may be complete the next time somebody asks
      this.#onFault(error.message);
    }
    return this.#loaded;
  }
}

async function markOf(folder: string): Promise<string> {
  const found = await stat(join(folder, 'index.json')).catch(() => undefined);
  return found ? `${found.ino} ${found.mtimeMs} ${found.size}` : 'missing';
}

/** @throws PublicationFault */
export async function loadFolder(folder: string): Promise<Loaded> {
  const index = readIndex(await readText(folder, 'index.json'));
  const files = new Map<string, string>();
  for (const [path, { sha256: expected }] of Object.entries(index.files)) {
    if (!/^(?:\/[\w.-]+)+$/.test(path) || path.includes('..'))
      throw new PublicationFault('index.json is damaged');
    const text = await readText(folder, path.slice(1));
    if (sha256(text) !== expected)
      throw new PublicationFault(`${path} is not the file that index.json names`);
    files.set(path, text);
  }
  return { index, files };
}

async function readText(folder: string, path: string): Promise<string> {
  try {
    return await readFile(join(folder, path), 'utf8');
  } catch (error) {
    throw new PublicationFault(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
}

function readIndex(text: string): PublicationIndex {
  try {
    const index = JSON.parse(text) as PublicationIndex;
    const numbers = [index.version, index.publishedAt, index.expiresAt];
    if (isEntityId(index.entityId) && numbers.every(Number.isSafeInteger) && Array.isArray(index.listed))
      return { ...index, files: { ...index.files }, statuses: { ...index.statuses } };
  } catch {
    // falls through
  }
  throw new PublicationFault('index.json is damaged');
}
