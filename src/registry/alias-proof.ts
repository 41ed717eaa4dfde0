import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { SeenDocument } from './couple-facts.ts';
import type { Couple } from './registration-store.ts';
import { type Assessment, gathered } from './requirement.ts';
import { isUnconfirmed, type RuleSet, sourcesOf } from './rule-set.ts';

/** What the counter knows of one partner's alias (通称名). `seen` null: the documents were not recorded. */
export type AliasShown = { readonly used: boolean; readonly seen: readonly SeenDocument[] | null };

/**
 * Where the authority wants to see that an alias is in use (通称名の使用の確認), a partner who uses one must have shown it. A
 * rule that is not known is a point to confirm, and only for a couple whom it concerns.
 */
export function assessAliases(ruleSet: RuleSet, aliases: Partial<Couple<AliasShown>>): Assessment {
  return gathered(
    POSITIONS.map((position) => {
      const shown = aliases[position];
      return shown?.used ? assessAlias(ruleSet, position, shown.seen) : {};
    }),
  );
}

function assessAlias(
  ruleSet: RuleSet,
  position: PartnerPosition,
  seen: AliasShown['seen'],
): Partial<Assessment> {
  const sources = sourcesOf(ruleSet, 'aliasProof');
  const note = { requirement: 'alias', sources } as const;
  if (ruleSet.aliasProof === null) return { toConfirm: [note] };
  const toConfirm = isUnconfirmed(ruleSet, 'aliasProof') ? [note] : [];
  if (!ruleSet.aliasProof || seen?.some(({ document }) => document === 'alias_proof')) return { toConfirm };
  return {
    unmet: [
      {
        requirement: 'alias',
        concerns: position,
        finding: seen === null ? 'unknown' : 'unmet',
        sources,
        remedies: ['bring:alias_proof'],
      },
    ],
    toConfirm,
  };
}
