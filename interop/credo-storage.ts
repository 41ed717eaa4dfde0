import { type BaseRecord, RecordNotFoundError } from '@credo-ts/core';

type RecordClass = { readonly type: string };
type Query = { readonly [tag: string]: unknown };

/** Records of one agent in memory, in the form that Credo's repositories ask for them. */
export class MemoryStorage {
  readonly supportsCursorPagination = false;
  readonly #records = new Map<string, BaseRecord>();

  async save(_agent: unknown, record: BaseRecord): Promise<void> {
    this.#records.set(`${record.type} ${record.id}`, record);
  }

  async update(agent: unknown, record: BaseRecord): Promise<void> {
    await this.save(agent, record);
  }

  async delete(_agent: unknown, { type, id }: BaseRecord): Promise<void> {
    this.#records.delete(`${type} ${id}`);
  }

  async deleteById(_agent: unknown, { type }: RecordClass, id: string): Promise<void> {
    this.#records.delete(`${type} ${id}`);
  }

  async getById(_agent: unknown, { type }: RecordClass, id: string): Promise<BaseRecord> {
    const record = this.#records.get(`${type} ${id}`);
    if (!record) throw new RecordNotFoundError('the wallet has no such record', { recordType: type });
    return record;
  }

  async getAll(_agent: unknown, { type }: RecordClass): Promise<BaseRecord[]> {
    return [...this.#records.values()].filter((record) => record.type === type);
  }

  async findByQuery(agent: unknown, recordClass: RecordClass, query: Query): Promise<BaseRecord[]> {
    return (await this.getAll(agent, recordClass)).filter((record) => matches(record.getTags(), query));
  }
}

function matches(tags: Query, query: Query): boolean {
  return Object.entries(query).every(([name, wanted]) => {
    if (wanted === undefined) return true;
    if (name === '$and') return (wanted as Query[]).every((each) => matches(tags, each));
    if (name === '$or') return (wanted as Query[]).some((each) => matches(tags, each));
    if (name === '$not') return !matches(tags, wanted as Query);
    const tag = tags[name];
    if (!Array.isArray(wanted)) return tag === wanted;
    return Array.isArray(tag) && wanted.every((each) => tag.includes(each));
  });
}
