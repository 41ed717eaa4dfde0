import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { askMembers, type Inquiry, type InquiryDeps } from '../federation/blinded-inquiry.ts';
import type { EntityId } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, POSITIONS } from '../kernel/role.ts';
import { isJsonObject } from '../kernel/strict-json.ts';
import type { IndexedPerson } from '../registry/blind-index.ts';
import { isJapanDay } from '../registry/japan-day.ts';
import { foldName } from '../registry/name-folding.ts';
import { readPartners } from '../registry/registration-store.ts';
import type { Vault } from '../registry/vault.ts';
import type { CaseState } from '../transfer/case-state.ts';
import { requireTransfer } from '../transfer/transfer-store.ts';
import { readDraft } from './draft.ts';
import { isOpen, OPEN_STATES } from './procedure-state.ts';
import { requireProcedure } from './procedure-store.ts';

export type DuplicateDeps = InquiryDeps & { readonly vault: Vault };

export type CaseRef = { readonly kind: 'registration' | 'transfer' | 'procedure'; readonly id: string };

type OpenCase = { readonly people: readonly IndexedPerson[]; readonly except: readonly EntityId[] };

/** Before the origin has handed its record over, no kana is known here: no certificate discloses one. */
const RECEIVED_TRANSFER = ['staged', 'activated'] as const satisfies readonly CaseState[];

/**
 * Whether either partner of an open case is registered at another authority. No member learns who is looked for, and
 * nothing is kept but the log: which authorities may be asked about whom the clerk knows from the case.
 *
 * @throws Refusal `case_not_open`; `procedure_incomplete` where a kana or birth date is still to be filled in;
 *   `record_not_found`
 */
export async function checkDuplicates(deps: DuplicateDeps, actor: Actor, record: CaseRef): Promise<Inquiry> {
  const { people, except } = await readCase(deps, record);
  const inquiry = await askMembers(deps, people, except);
  await inTransaction(deps.db, (trx) =>
    appendEvent(trx, deps.clock, {
      type: 'duplicates_checked',
      actor,
      record,
      visibility: 'both',
      facts: {
        asked: inquiry.asked,
        possibleMatches: inquiry.possibleMatches,
        unanswered: inquiry.unanswered.length,
      },
    }),
  );
  return inquiry;
}

async function readCase(deps: DuplicateDeps, { kind, id }: CaseRef): Promise<OpenCase> {
  switch (kind) {
    case 'procedure':
      return { people: await readOath(deps, id), except: [] };
    case 'transfer':
      return readArrival(deps, id);
    case 'registration':
      throw new Refusal('case_not_open', { state: kind, allowed: ['procedure', 'transfer'] });
  }
}

/** Of a form both people as typed, a draft's too. */
async function readOath({ db, vault }: DuplicateDeps, id: string): Promise<readonly IndexedPerson[]> {
  const row = await requireProcedure(db, id);
  if (row.kind !== 'oath') throw new Refusal('case_not_open', { state: row.kind, allowed: ['oath'] });
  if (!isOpen(row.state)) throw new Refusal('case_not_open', { state: row.state, allowed: OPEN_STATES });
  const partners = memberOf(await readDraft(db, vault, row), 'partners');
  return POSITIONS.map((position) => {
    const { kana, birthDate } = memberOf(partners, position);
    const missing = (member: string) =>
      new Refusal('procedure_incomplete', {
        pointer: `/content/partners/${position}/${member}`,
        rule: 'required',
      });
    if (typeof kana !== 'string' || foldName(kana) === '') throw missing('kana');
    if (!isJapanDay(birthDate)) throw missing('birthDate');
    return { kana, birthDate };
  });
}

/** Of a continuation what the origin has handed over; the origin itself holds the registration and is not asked. */
async function readArrival({ db, vault }: DuplicateDeps, id: string): Promise<OpenCase> {
  const row = await requireTransfer(db, id);
  const { registrationId, epoch, peer } = row;
  if (row.side !== 'destination' || !RECEIVED_TRANSFER.some((state) => state === row.state))
    throw new Refusal('case_not_open', { state: row.state, allowed: RECEIVED_TRANSFER });
  const partners =
    registrationId && epoch ? await readPartners(db, vault, { id: registrationId, epoch }) : undefined;
  if (!partners) throw new Refusal('case_not_open', { state: row.state, allowed: RECEIVED_TRANSFER });
  return { people: POSITIONS.map((position) => partners[position]), except: peer === null ? [] : [peer] };
}

function memberOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const member = isJsonObject(value) ? value[name] : undefined;
  return isJsonObject(member) ? member : {};
}
