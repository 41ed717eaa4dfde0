import type { Difference, Filing, Move, Side } from './continuation-question.ts';
import { type AgreementModel, sourcesOf } from './rule-set.ts';

/**
 * Who is filed with under each model, by whom, and what becomes of the certificates: 継続申告 (the destination issues new
 * ones), 継続使用 (the origin forwards the filing, the same ones go on: 福岡市 様式第7号), 情報引継ぎ (the origin hands over, then
 * the new address is proved; one of the two may file: 延岡市), 再宣誓 with fewer documents (東京都 2025).
 */
const FILED = {
  continuation_at_destination: {
    at: 'destination',
    mayFile: 'both_partners',
    certificates: 'replaced',
  },
  continued_use: { at: 'origin', mayFile: 'both_partners', certificates: 'kept' },
  information_handover: { at: 'origin_then_destination', mayFile: 'one_partner', certificates: 'replaced' },
  new_oath_with_waiver: { at: 'destination', mayFile: 'both_partners', certificates: 'replaced' },
} as const satisfies Record<AgreementModel, Omit<Filing, 'channels'>>;

export function filingOf(move: Move): Filing {
  const { model } = move.agreement;
  // The rules know the ways of filing a continuation; an oath is another matter.
  const channels = model === 'new_oath_with_waiver' ? null : officeOf(move).ruleSet.continuationChannels;
  return { ...FILED[model], channels };
}

/** The authority that the couple turns to first. */
export function officeOf({ agreement, origin, destination }: Move): Side {
  return FILED[agreement.model].at === 'destination' ? destination : origin;
}

/** What becomes of the couple's wish to file in one way: open, not open, or not known. Nothing where it has not said. */
export function channelDifference(move: Move): Difference[] {
  const { by } = move.question;
  if (by === undefined) return [];
  const { channels } = filingOf(move);
  const taken = ({ ruleSet }: Side) => ruleSet.continuationChannels?.join(' ') ?? null;
  return [
    {
      aspect: 'channel',
      origin: taken(move.origin),
      destination: taken(move.destination),
      effect: channels === null ? 'to_confirm' : channels.includes(by) ? 'kept' : 'lapses',
      sources: sourcesOf(officeOf(move).ruleSet, 'continuationChannels'),
    },
  ];
}
