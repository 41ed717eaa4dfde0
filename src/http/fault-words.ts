import type { PlacedFault } from '../kernel/refusal.ts';
import type { Language } from './problem.ts';
import { ruleWords } from './rule-words.ts';

/** What is wrong at one place of something larger, as one sentence. */
export function faultWords({ where, rule, allowed }: PlacedFault, language: Language): string {
  const words = ruleWords({ pointer: where, rule, ...(allowed === undefined ? {} : { allowed }) }, language);
  return language === 'ja' ? `${words}。` : `It ${words}.`;
}
