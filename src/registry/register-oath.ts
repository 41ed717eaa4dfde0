import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { assessOath } from './eligibility.ts';
import { type Couple, insertRegistration, type PartnerRecord } from './registration-store.ts';
import { authorityOf, requireRuleSet } from './rule-book.ts';
import type { RuleBook } from './rule-set.ts';
import { type CoupleStatement, factsOf, type PartnerStatement } from './stated-facts.ts';
import type { Vault } from './vault.ts';

export type Oath = {
  readonly oathDate: string;
  readonly partners: Couple<{ readonly record: PartnerRecord; readonly statement: PartnerStatement }>;
  readonly couple: CoupleStatement;
};

export type OathDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly authority: AuthorityCode;
  readonly vault: Vault;
  readonly rules: RuleBook;
};

/**
 * Registers an oath (宣誓の登録) if the authority's rules of that day allow it.
 *
 * @throws Refusal `requirements_unmet` with every unmet requirement; `already_registered`; `rules_not_in_force`
 */
export async function registerOath(deps: OathDeps, command: Command, oath: Oath): Promise<Answer> {
  const { db, clock, authority, vault } = deps;
  const { toConfirm, declarations } = assess(deps, oath);
  return carryOutOnce(db, clock, command, async (trx) => {
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
      declarations,
      registeredAt: clock(),
    });
    await appendEvent(trx, clock, {
      type: 'oath_registered',
      actor: command.actor,
      record: { kind: 'registration', id },
      visibility: 'both',
      facts: { epoch: 1 },
    });
    return {
      status: 201,
      body: { registrationId: id, state: 'active', epoch: 1, oathDate: oath.oathDate, toConfirm },
    };
  });
}

function assess({ clock, authority, rules }: OathDeps, { oathDate, partners, couple }: Oath) {
  if (oathDate > dayInJapan(clock()))
    throw new Refusal('request_malformed', { pointer: '/oathDate', rule: 'not_in_future' });
  const ruleSet = requireRuleSet(rules, authority, oathDate);
  const record = authorityOf(rules, authority);
  if (!record) throw new Refusal('rules_not_in_force', { on: oathDate });
  const { first, second } = partners;
  for (const [position, { record: partner }] of Object.entries(partners)) {
    if (partner.birthDate > oathDate)
      throw new Refusal('request_malformed', {
        pointer: `/partners/${position}/birthDate`,
        rule: 'not_in_future',
      });
  }
  const facts = factsOf({ first: first.statement, second: second.statement }, couple, {
    first: first.record.birthDate,
    second: second.record.birthDate,
  });
  const { unmet, toConfirm } = assessOath(ruleSet, record, facts, oathDate);
  if (unmet.length > 0) throw new Refusal('requirements_unmet', { unmet });
  return {
    toConfirm,
    // What both declared is kept, sealed, because a later dispute turns on it; documents are looked at, not kept.
    declarations: {
      sexualMinorityDeclared: couple.sexualMinorityDeclared ?? null,
      kinship: couple.kinship,
      cohabiting: couple.cohabiting,
    },
  };
}
