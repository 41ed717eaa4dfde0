import type { Difference, Move } from './continuation-question.ts';
import { mayBeNamed } from './eligibility.ts';
import { type FamilyRelation, sourcesOf } from './rule-set.ts';

/**
 * What becomes of the family members on the certificates. The couple itself goes on in any case; a member whom the
 * destination's certificates cannot name is not carried over (ファミリーシップ → パートナーシップ, as 愛知's pages say). Where
 * the couple does not say who they are, they are among those whom the origin's rules can name.
 */
export function familyDifferences(move: Move): Difference[] {
  const { question, origin, destination } = move;
  const told = [...new Set(question.familyRelations ?? [])];
  const nameable = origin.ruleSet.familyship;
  if (told.length === 0 && question.familyMembers !== true) return [];
  if (told.length > 0) return ofThose(move, told);
  if (nameable !== null && nameable.length === 0) return [];
  const listed = destination.ruleSet.familyship;
  const named = listed === null ? null : (nameable ?? listed).filter((one) => mayBeNamed(listed, one));
  const effect = named === null ? 'to_confirm' : named.length === 0 ? 'lapses' : 'prove_again';
  return [difference(move, codes(nameable), effect)];
}

/** Whether it is open if all of them can be carried: the couple did not say who they are, and some may not be. */
export function familyIsOpen({ question, origin, destination }: Move, { effect }: Difference): boolean {
  if (effect === 'to_confirm') return true;
  if (effect !== 'prove_again' || (question.familyRelations ?? []).length > 0) return false;
  const [from, to] = [origin.ruleSet.familyship, destination.ruleSet.familyship];
  return from === null || to === null || from.some((relation) => !mayBeNamed(to, relation));
}

function ofThose(move: Move, relations: readonly FamilyRelation[]): Difference[] {
  const listed = move.destination.ruleSet.familyship;
  if (listed === null) return [{ ...difference(move, codes(relations), 'to_confirm'), relations }];
  const [carried, lapsing] = [
    relations.filter((one) => mayBeNamed(listed, one)),
    relations.filter((one) => !mayBeNamed(listed, one)),
  ];
  return [
    ...(carried.length > 0
      ? [{ ...difference(move, codes(carried), 'prove_again'), relations: carried }]
      : []),
    ...(lapsing.length > 0 ? [{ ...difference(move, codes(lapsing), 'lapses'), relations: lapsing }] : []),
  ];
}

function difference(move: Move, from: string | null, effect: Difference['effect']): Difference {
  const { ruleSet } = move.destination;
  return {
    aspect: 'family_members',
    origin: from,
    destination: codes(ruleSet.familyship),
    effect,
    sources: sourcesOf(ruleSet, 'familyship'),
  };
}

function codes(relations: readonly FamilyRelation[] | null): string | null {
  if (relations === null) return null;
  return relations.length === 0 ? 'none' : relations.join(' ');
}
