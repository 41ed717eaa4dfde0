import { isDeepStrictEqual } from 'node:util';
import type { Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { assessFamily } from './family-member.ts';
import { overwriteFamily, readFamily } from './family-store.ts';
import { keepPastRecord } from './partner-history.ts';
import { reindexPartner } from './partner-index.ts';
import { requireReading } from './register-oath.ts';
import { ISSUING_STATE } from './registration.ts';
import {
  type Couple,
  type FamilyMemberRecord,
  type PartnerRecord,
  type RegistrationRow,
  type Residence,
  readPartners,
  sealPartner,
} from './registration-store.ts';
import type { ToConfirm } from './requirement.ts';
import { isResidenceShown } from './residence-proof.ts';
import { authorityOf, requireRuleSet } from './rule-book.ts';
import { type AuthorityRecord, type RuleBook, type RuleSet, sourcesOf } from './rule-set.ts';
import { servesResidentsOf } from './served-area.ts';
import { residenceFacts } from './stated-facts.ts';
import { openSealer, type Sealer, type Vault } from './vault.ts';

export type ChangeDeps = { readonly clock: Clock; readonly vault: Vault };
export type RuledChangeDeps = ChangeDeps & { readonly rules: RuleBook; readonly authority: AuthorityCode };

/** What changes in a partner's record; what is left out stays. `alias: null`: no alias from now on. */
export type PartnerChange = {
  readonly registeredName?: string | undefined;
  readonly kana?: string | undefined;
  readonly alias?: PartnerRecord['alias'] | undefined;
  readonly residence?: Residence | undefined;
  /** Only where it was written down wrongly. */
  readonly birthDate?: string | undefined;
};

/** Codes of what has changed, as they stand in the log. */
export const CHANGED_ITEMS = {
  registeredName: 'registered_name',
  kana: 'kana',
  alias: 'alias',
  residence: 'residence',
  birthDate: 'birth_date',
} as const satisfies Record<keyof PartnerRecord, string>;

export type ChangedItem = (typeof CHANGED_ITEMS)[keyof typeof CHANGED_ITEMS];

/**
 * Changes one partner's record (登録事項の変更). What it said before is kept, sealed; what the person is found by is
 * written anew. The caller holds the row's lock and writes the audit entry, with `audienceOf` of protection-store.ts.
 *
 * @returns what differs now; empty where the change says what stands there already
 * @throws Refusal `registration_state_conflict` unless the registration is active, `already_registered`,
 *   `request_malformed`
 */
export async function changePartner(
  trx: Trx,
  { clock, vault }: ChangeDeps,
  row: RegistrationRow,
  position: PartnerPosition,
  change: PartnerChange,
  { homonymConfirmed = false }: { readonly homonymConfirmed?: boolean } = {},
): Promise<{ readonly changed: readonly ChangedItem[] }> {
  const sealer = await requireChangeable(trx, vault, row);
  const before = (await requirePartners(trx, vault, row))[position];
  const wanted = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const after: PartnerRecord = { ...before, ...wanted };
  const members = (Object.keys(CHANGED_ITEMS) as (keyof PartnerRecord)[]).filter(
    (member) => !isDeepStrictEqual(before[member], after[member]),
  );
  if (members.length === 0) return { changed: [] };
  requireReading(after.kana, position);
  if (after.birthDate > row.firstOathDate)
    throw new Refusal('request_malformed', {
      pointer: `/partners/${position}/correctedBirthDate`,
      rule: 'not_in_future',
    });
  const place = { id: row.id, epoch: row.epoch, position };
  await keepPastRecord(trx, clock, sealer, place, { because: 'changed', partner: before });
  await trx
    .updateTable('registration_partner')
    .set(sealPartner(sealer, position, after))
    .where('registration_id', '=', row.id)
    .where('epoch', '=', row.epoch)
    .where('position', '=', position)
    .execute();
  await reindexPartner(trx, vault, place, after, { homonymConfirmed });
  return { changed: members.map((member) => CHANGED_ITEMS[member]) };
}

/**
 * Puts these family members in the place of those who stand there, by the rules of today; an empty list takes all out.
 *
 * @throws Refusal `family_not_named`, `consent_of_child_missing`, `requirements_unmet`, `registration_state_conflict`,
 *   `rules_not_in_force`
 */
export async function replaceFamily(
  trx: Trx,
  { clock, vault, rules, authority }: RuledChangeDeps,
  row: RegistrationRow,
  members: readonly FamilyMemberRecord[],
): Promise<{ readonly changed: readonly 'family_members'[]; readonly toConfirm: readonly ToConfirm[] }> {
  const sealer = await requireChangeable(trx, vault, row);
  const at = clock();
  const today = dayInJapan(at);
  const { unmet, toConfirm } = assessFamily(requireRuleSet(rules, authority, today), members, today);
  if (unmet.length > 0) throw new Refusal('requirements_unmet', { unmet });
  if (isDeepStrictEqual(await readFamily(trx, vault, row), members)) return { changed: [], toConfirm };
  await overwriteFamily(trx, sealer, row, members, at);
  return { changed: ['family_members'], toConfirm };
}

/**
 * Enters the addresses that were shown after the move (転入の証明). The move is proven once they meet the residence rule of
 * the day of the oath by those who live here now; where both must, one partner may come first.
 *
 * @param on day on which the addresses were shown
 * @returns `provenOn` null while another partner's address is still awaited
 * @throws Refusal `requirements_unmet` where whoever came does not live here, `request_malformed`,
 *   `registration_state_conflict`, `rules_not_in_force`
 */
export async function proveResidence(
  trx: Trx,
  deps: RuledChangeDeps,
  row: RegistrationRow,
  byPosition: Partial<Couple<Residence>>,
  on: string,
): Promise<{ readonly changed: readonly PartnerPosition[]; readonly provenOn: string | null }> {
  const { vault, rules, authority: code } = deps;
  await requireChangeable(trx, vault, row);
  const before = await requirePartners(trx, vault, row);
  const residences = {
    first: byPosition.first ?? before.first.residence,
    second: byPosition.second ?? before.second.residence,
  };
  const ruleSet = requireRuleSet(rules, code, row.oathDate);
  const authority = authorityOf(rules, code);
  if (!authority) throw new Refusal('rules_not_in_force', { on: row.oathDate });
  requireLivingHere(ruleSet, authority, byPosition, on);
  const isShown = isResidenceShown(ruleSet, authority, residences, on);
  const changed: PartnerPosition[] = [];
  for (const position of POSITIONS) {
    const residence = byPosition[position];
    if (!residence) continue;
    const { changed: items } = await changePartner(trx, deps, row, position, { residence });
    if (items.length > 0) changed.push(position);
  }
  if (!isShown || row.residenceDueOn === null || row.residenceProvenOn !== null)
    return { changed, provenOn: row.residenceProvenOn };
  await trx
    .updateTable('registration')
    .set({ residence_proven_on: on })
    .where('id', '=', row.id)
    .where('epoch', '=', row.epoch)
    .where('residence_proven_on', 'is', null)
    .execute();
  return { changed, provenOn: on };
}

/** What was shown is an address here: somebody who has come to live elsewhere has not moved here. */
function requireLivingHere(
  ruleSet: RuleSet,
  authority: AuthorityRecord,
  byPosition: Partial<Couple<Residence>>,
  on: string,
): void {
  const unmet = POSITIONS.flatMap((position) => {
    const residence = byPosition[position];
    if (!residence) return [];
    if (residence.kind === 'moving_in')
      throw new Refusal('request_malformed', {
        pointer: `/partners/${position}/residence/kind`,
        rule: 'const',
        allowed: 'resident',
      });
    const facts = residenceFacts(residence, position);
    if (facts?.status === 'resident' && servesResidentsOf(authority, facts.municipality, on) !== 'no')
      return [];
    return [
      {
        requirement: 'residence',
        concerns: position,
        finding: 'unmet' as const,
        sources: sourcesOf(ruleSet, 'residence'),
        remedies: ['bring:residence_record', 'ask:this_authority'],
      },
    ];
  });
  if (unmet.length > 0) throw new Refusal('requirements_unmet', { unmet });
}

/** While it is on its way to another authority, what was offered is what arrives; what has ended stays as it was. */
async function requireChangeable(trx: Trx, vault: Vault, row: RegistrationRow): Promise<Sealer> {
  const sealer =
    row.state === ISSUING_STATE
      ? await openSealer(trx, vault, { kind: 'registration', id: row.id, epoch: row.epoch })
      : undefined;
  if (!sealer)
    throw new Refusal('registration_state_conflict', { state: row.state, allowed: [ISSUING_STATE] });
  return sealer;
}

async function requirePartners(trx: Trx, vault: Vault, row: RegistrationRow): Promise<Couple<PartnerRecord>> {
  const partners = await readPartners(trx, vault, row);
  if (!partners) throw new Error('a registration in force without its data key');
  return partners;
}
