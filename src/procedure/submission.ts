import type { Db, Trx } from '../db/transaction.ts';
import { isRefusal, Refusal, type RefusalFacts, type UnmetRequirement } from '../kernel/refusal.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { assessAliases } from '../registry/alias-proof.ts';
import { assessFamily } from '../registry/family-member.ts';
import { findEpoch, type RegistrationRow } from '../registry/registration-store.ts';
import { gathered } from '../registry/requirement.ts';
import { requireRuleSet } from '../registry/rule-book.ts';
import { assessOathForm, familyOf } from './oath-content.ts';
import { requirePossible } from './open-procedure.ts';
import { formInForce, type ProcedureKind, ruleOf } from './procedure.ts';
import { type Contents, type Draft, isObject } from './procedure-content.ts';
import { requirePlausible } from './procedure-plausibility.ts';
import { ownRecord, type ProcedureDeps, todayOf } from './procedure-rules.ts';
import type { ProcedureRow } from './procedure-store.ts';

/**
 * The first thing that submission would refuse, told as far as this person may know it: a partner learns that the
 * other's part is not finished, but not what stands in it.
 */
export async function submissionRefusal(
  db: Db | Trx,
  deps: ProcedureDeps,
  row: ProcedureRow,
  content: Draft,
  actor: Actor,
): Promise<Refusal | undefined> {
  const registration = row.registration
    ? await findEpoch(db, row.registration.id, row.registration.epoch)
    : undefined;
  const attempt = (tried: Draft) => refusalOf(() => demand(deps, row, registration, tried));
  if (actor.kind !== 'partner') return attempt(content);
  const { position } = actor.scope;
  const own =
    ruleOf(row.kind).registration === 'registers' ? await attempt(mirrored(content, position)) : undefined;
  return toldTo(position, own && pointedAt(own, position)) ?? toldTo(position, attempt(content));
}

function refusalOf(work: () => void): Refusal | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

function demand(
  deps: ProcedureDeps,
  row: ProcedureRow,
  registration: RegistrationRow | undefined,
  content: Draft,
): void {
  const { kind } = row;
  if (registration) requirePossible(kind, registration.state);
  const fault = deps.contentFault(kind, content);
  if (fault?.rule === 'format' && fault.allowed === 'free-text')
    throw new Refusal('my_number_suspected', { pointer: fault.pointer });
  if (fault) throw new Refusal('procedure_incomplete', fault);
  const today = todayOf(deps);
  const record = ownRecord(deps);
  const currentVersion = formInForce(record, ruleOf(kind).form, today);
  const filled = typeof content.formVersion === 'string' ? content.formVersion : row.formVersion;
  if (currentVersion !== null && filled !== currentVersion)
    throw new Refusal('form_expired', { currentVersion });
  // The check of its kind has just said that it has that form.
  const form = content as unknown as Contents[ProcedureKind];
  requirePlausible(kind, form as never, {
    today,
    filedBy: row.filedBy,
    oathDate: registration?.oathDate ?? null,
    isOver: registration?.state === 'ended' || registration?.state === 'closed',
  });
  if (kind === 'oath') {
    const booked = row.appointment?.on;
    const on = booked !== undefined && booked > today ? booked : today;
    const ruleSet = requireRuleSet(deps.rules, deps.authority, on);
    requireMet(assessOathForm(ruleSet, record, form as Contents['oath'], on).unmet);
  }
  if (kind === 'change') requireChangeAllowed(deps, form as Contents['change'], today);
}

function requireChangeAllowed(
  { rules, authority }: ProcedureDeps,
  { partners, familyMembers }: Contents['change'],
  today: string,
): void {
  const ruleSet = requireRuleSet(rules, authority, today);
  const aliasOf = (position: PartnerPosition) => {
    const change = partners?.[position];
    if (!change?.alias) return {};
    const seen = change.documentsSeen?.map((one) => ({
      document: one.document,
      issuedOn: one.issuedOn ?? null,
    }));
    return { [position]: { used: true, seen: seen ?? null } };
  };
  const { unmet } = gathered([
    assessAliases(ruleSet, { ...aliasOf('first'), ...aliasOf('second') }),
    assessFamily(ruleSet, familyOf(familyMembers), today),
  ]);
  requireMet(unmet);
}

function requireMet(unmet: readonly UnmetRequirement[]): void {
  if (unmet.length > 0) throw new Refusal('requirements_unmet', { unmet });
}

/** The same form with one's own part in both places: what is wrong with it is wrong with one's own part. */
function mirrored(content: Draft, position: PartnerPosition): Draft {
  const own = isObject(content.partners) ? content.partners[position] : undefined;
  const { familyMembers: _, ...shared } = content;
  return { ...shared, partners: own === undefined ? {} : { first: own, second: own } };
}

function pointedAt(refusal: Refusal, position: PartnerPosition): Refusal {
  const own = (pointer: string) => pointer.replace(/^\/partners\/(first|second)/, `/partners/${position}`);
  if (refusal.code === 'requirements_unmet') {
    const { unmet } = refusal.facts as RefusalFacts['requirements_unmet'];
    return new Refusal('requirements_unmet', {
      unmet: unmet.filter(({ concerns }) => concerns === position),
    });
  }
  const facts = refusal.facts as { readonly pointer?: string };
  return facts.pointer === undefined
    ? refusal
    : new Refusal(refusal.code, { ...refusal.facts, pointer: own(facts.pointer) } as never);
}

/**
 * A refusal as one partner may hear it. What only the counter settles by looking at papers does not keep a partner from
 * submitting: the register asks for it on the day.
 */
function toldTo(position: PartnerPosition, refusal: Refusal | undefined): Refusal | undefined {
  if (!refusal) return undefined;
  const [other] = POSITIONS.filter((each) => each !== position);
  const open = (pointer: string) =>
    new Refusal('procedure_incomplete', { pointer, rule: 'completed_by_others' });
  if (refusal.code === 'requirements_unmet') {
    const { unmet } = refusal.facts as RefusalFacts['requirements_unmet'];
    const mine = unmet.filter(({ concerns, remedies }) => concerns !== other && !isForTheCounter(remedies));
    if (mine.length > 0) return new Refusal('requirements_unmet', { unmet: mine });
    const theirs = unmet.some(({ concerns, remedies }) => concerns === other && !isForTheCounter(remedies));
    return theirs ? open(`/partners/${other}`) : undefined;
  }
  const { pointer } = refusal.facts as { readonly pointer?: string };
  if (pointer?.startsWith(`/partners/${other}`)) return open(`/partners/${other}`);
  if (pointer?.startsWith('/familyMembers')) return open('/familyMembers');
  return refusal;
}

function isForTheCounter(remedies: readonly string[]): boolean {
  return (
    remedies.length > 0 && remedies.every((remedy) => /^(bring:|leave_out:family_members$)/.test(remedy))
  );
}
