import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { type Id, newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { assessAliases } from './alias-proof.ts';
import type { CoupleFacts } from './couple-facts.ts';
import { assessOath } from './eligibility.ts';
import { assessFamily } from './family-member.ts';
import { foldName } from './name-folding.ts';
import {
  type Couple,
  type FamilyMemberRecord,
  insertRegistration,
  type PartnerRecord,
} from './registration-store.ts';
import { gathered, type ToConfirm } from './requirement.ts';
import { residenceDueOn } from './residence-proof.ts';
import { authorityOf, requireRuleSet } from './rule-book.ts';
import type { RuleBook } from './rule-set.ts';
import { type CoupleStatement, factsOf, type PartnerStatement } from './stated-facts.ts';
import type { Vault } from './vault.ts';

export type Oath = {
  readonly oathDate: string;
  readonly partners: Couple<{ readonly record: PartnerRecord; readonly statement: PartnerStatement }>;
  readonly couple: CoupleStatement;
  readonly familyMembers?: readonly FamilyMemberRecord[];
  /** The family register shows that a registered person of the same reading and birth date is somebody else. */
  readonly homonymConfirmed?: boolean;
};

export type OathDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly authority: AuthorityCode;
  readonly vault: Vault;
  readonly rules: RuleBook;
};

export type RegisteredOath = {
  readonly registrationId: Id<'registration'>;
  readonly epoch: number;
  /** Until when the new address is to be shown; null where no move is awaited. */
  readonly residenceDueOn: string | null;
  readonly toConfirm: readonly ToConfirm[];
};

/** Registers an oath as a command of its own; the refusals are those of `registerOathIn`. */
export async function registerOath(deps: OathDeps, command: Command, oath: Oath): Promise<Answer> {
  return carryOutOnce(deps.db, deps.clock, command, async (trx) => {
    const {
      residenceDueOn: dueOn,
      toConfirm,
      ...registered
    } = await registerOathIn(trx, deps, command.actor, oath);
    return {
      status: 201,
      body: {
        ...registered,
        state: 'active',
        oathDate: oath.oathDate,
        ...(dueOn === null ? {} : { residenceDueOn: dueOn }),
        toConfirm,
      },
    };
  });
}

/**
 * Registers an oath (宣誓の登録) in a transaction of the caller's, if the authority's rules of that day allow it.
 *
 * @throws Refusal `requirements_unmet` with every unmet requirement; `family_not_named`, `consent_of_child_missing`;
 *   `already_registered`; `rules_not_in_force`; `request_malformed`
 */
export async function registerOathIn(
  trx: Trx,
  deps: Omit<OathDeps, 'db'>,
  actor: Actor,
  oath: Oath,
): Promise<RegisteredOath> {
  const { clock, authority, vault } = deps;
  const assessed = assess(deps, oath);
  const id = newRandomId<'registration'>();
  const { first, second } = oath.partners;
  await insertRegistration(trx, vault, {
    id,
    epoch: 1,
    state: 'active',
    oathDate: oath.oathDate,
    firstOathDate: oath.oathDate,
    firstAuthority: authority,
    transferId: null,
    partners: { first: first.record, second: second.record },
    declarations: declarationsOf(oath.couple),
    registeredAt: clock(),
    familyMembers: oath.familyMembers ?? [],
    residenceDueOn: assessed.residenceDueOn,
    homonymConfirmed: oath.homonymConfirmed ?? false,
  });
  await appendEvent(trx, clock, {
    type: 'oath_registered',
    actor,
    record: { kind: 'registration', id },
    visibility: 'both',
    facts: { epoch: 1 },
  });
  return { registrationId: id, epoch: 1, ...assessed };
}

function assess(
  { clock, authority, rules }: Omit<OathDeps, 'db'>,
  oath: Oath,
): Pick<RegisteredOath, 'residenceDueOn' | 'toConfirm'> {
  const { oathDate, familyMembers = [] } = oath;
  requirePlausible(oath, dayInJapan(clock()));
  const ruleSet = requireRuleSet(rules, authority, oathDate);
  const record = authorityOf(rules, authority);
  if (!record) throw new Refusal('rules_not_in_force', { on: oathDate });
  const family = assessFamily(ruleSet, familyMembers, oathDate);
  const facts = factsOfOath(oath);
  const { unmet, toConfirm } = gathered([
    assessOath(ruleSet, record, facts, oathDate),
    assessAliases(ruleSet, {
      first: { used: oath.partners.first.record.alias !== null, seen: facts.first.documentsSeen },
      second: { used: oath.partners.second.record.alias !== null, seen: facts.second.documentsSeen },
    }),
    family,
  ]);
  if (unmet.length > 0) throw new Refusal('requirements_unmet', { unmet });
  return { toConfirm, residenceDueOn: residenceDueOn(ruleSet, record, facts, oathDate) };
}

function factsOfOath({ partners: { first, second }, couple, familyMembers }: Oath): CoupleFacts {
  return factsOf(
    { first: first.statement, second: second.statement },
    couple,
    { first: first.record.birthDate, second: second.record.birthDate },
    familyMembers,
  );
}

/** What both declared is kept, sealed, because a later dispute turns on it; documents are looked at, not kept. */
function declarationsOf(couple: CoupleStatement): Record<string, unknown> {
  return {
    sexualMinorityDeclared: couple.sexualMinorityDeclared ?? null,
    kinship: couple.kinship,
    cohabiting: couple.cohabiting,
  };
}

/** What no schema can say: an oath and a birth are past, and a reading says something, or it could not be found again. */
function requirePlausible({ oathDate, partners }: Oath, today: string): void {
  if (oathDate > today)
    throw new Refusal('request_malformed', { pointer: '/oathDate', rule: 'not_in_future' });
  for (const position of POSITIONS) {
    const { kana, birthDate } = partners[position].record;
    requireReading(kana, position);
    if (birthDate > oathDate)
      throw new Refusal('request_malformed', {
        pointer: `/partners/${position}/birthDate`,
        rule: 'not_in_future',
      });
  }
}

/** @throws Refusal `request_malformed` where nothing of a reading is left to be found by */
export function requireReading(kana: string, position: PartnerPosition): void {
  if (foldName(kana) === '')
    throw new Refusal('request_malformed', { pointer: `/partners/${position}/kana`, rule: 'pattern' });
}
