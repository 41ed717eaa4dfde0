import published from './authorities.json' with { type: 'json' };
import { parseRuleBook } from './parse-rule-book.ts';
import type { RuleBook } from './rule-set.ts';

/**
 * The nine authorities' rules as published, read and dated in `authorities.json`. Demonstration data: an authority that
 * runs this service first confirms them against its own ordinance. A fault in the file stops the boot.
 */
export const publishedRuleBook: RuleBook = parseRuleBook(published);
