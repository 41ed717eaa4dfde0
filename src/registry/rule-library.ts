import type { Db, Trx } from '../db/transaction.ts';
import published from './authorities.json' with { type: 'json' };
import { publishedRuleBook } from './authorities.ts';
import { parseRuleBook } from './parse-rule-book.ts';
import { type BookJson, layOver } from './rule-change-entries.ts';
import { approvedChanges } from './rule-change-store.ts';
import type { RuleBook } from './rule-set.ts';

/** Notified in the transaction that approves a change: every process of this authority then calls `load`. */
export const RULES_CHANNEL = 'chikai_rules';

/** The published book with the changes approved so far laid over it. */
export type PresentBook = { readonly revision: number; readonly json: BookJson };

const PUBLISHED: PresentBook = { revision: 0, json: published as unknown as BookJson };

/** Read from the database and not from a process's memory: what a change is laid over. */
export async function presentBook(db: Db | Trx): Promise<PresentBook> {
  return (await bookHistory(db)).at(-1) ?? PUBLISHED;
}

/** The book after each approved change; at 0 the published one, at n the one after revision n. */
export async function bookHistory(db: Db | Trx): Promise<PresentBook[]> {
  const books = [PUBLISHED];
  for (const { revision, entries } of await approvedChanges(db))
    books.push({ revision, json: layOver(books.at(-1)?.json ?? PUBLISHED.json, entries) });
  return books;
}

/** The rule book in force, in memory: the published one with every approved change laid over it. */
export class RuleLibrary {
  #present = PUBLISHED;
  #book: RuleBook = publishedRuleBook;

  get book(): RuleBook {
    return this.#book;
  }

  /** Number of approved changes. */
  get revision(): number {
    return this.#present.revision;
  }

  /** The book in force in the form in which a change is proposed. */
  get json(): BookJson {
    return this.#present.json;
  }

  /**
   * Lays what was approved since the last call over the book; to be called at the start, and whenever `RULES_CHANNEL`
   * is notified. Revisions have no gaps and become visible in their order, so nothing is passed over.
   *
   * @throws RuleBookInvalid where a new edition of the published book and the changes approved before do not go together
   */
  async load(db: Db | Trx): Promise<void> {
    const changes = await approvedChanges(db, { after: this.revision });
    // Two loads may overlap: what another one has laid meanwhile is not laid twice.
    const news = changes.filter(({ revision }) => revision > this.revision);
    const last = news.at(-1);
    if (last === undefined) return;
    const json = news.reduce((book, { entries }) => layOver(book, entries), this.json);
    this.#book = parseRuleBook(json);
    this.#present = { revision: last.revision, json };
  }
}
