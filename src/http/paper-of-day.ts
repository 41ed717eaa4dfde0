import { Refusal } from '../kernel/refusal.ts';
import { type OwnPaper, ownPaper, type ReceiptFormat } from '../print/own-paper.ts';
import type { Letterhead } from '../print/receipt.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import { ruleSetInForce, schemeInForce } from '../registry/rule-book.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import type { NodeParts } from './node-parts.ts';

/** As a request names them. */
export type PrintFormat = ReceiptFormat | 'companion_en';

export type PaperOfDay = Omit<OwnPaper, 'head'> & { readonly letterhead: Letterhead };

/**
 * What this authority's paper says of a day: of the day of issue for a certificate, so that it reads alike however often
 * it is printed, and of the day on which it is made for any other document. Who signs stands in the rules, because it
 * changes on a day; CHIKAI_PAPER_HEAD is for an authority whose rules do not say it yet.
 *
 * @param book where it is not the one in force: the one that is proposed
 */
export function paperOfDay(node: NodeParts, on: JapanDay, book: RuleBook = node.rules): PaperOfDay {
  const { head, ...paper } = ownPaper(ruleSetInForce(book, node.authority, on));
  const { letterhead } = node.printing;
  return {
    ...paper,
    letterhead: {
      name: node.nameOf(node.authority),
      schemeTitle: schemeInForce(book, node.authority, on)?.name ?? null,
      head: head ?? letterhead.head,
      sealImage: letterhead.sealImage,
    },
  };
}

/**
 * The format that was asked for, else the first one that is offered.
 *
 * @throws Refusal `format_not_offered`
 */
export function requireFormat({ formats }: PaperOfDay, asked: PrintFormat | undefined): PrintFormat {
  if (asked === 'companion_en') return asked;
  const format = asked ?? formats[0] ?? 'a4';
  if (!formats.includes(format)) throw new Refusal('format_not_offered', { format, offered: formats });
  return format;
}
