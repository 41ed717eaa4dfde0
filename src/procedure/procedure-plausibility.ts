import { isAuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { foldName } from '../registry/name-folding.ts';
import type { Residence } from '../registry/registration-store.ts';
import { REQUIREMENTS } from '../registry/requirement.ts';
import { type Filer, filersOf, type ProcedureKind } from './procedure.ts';
import type { Contents, EndContent, FamilyEntry } from './procedure-content.ts';

/** What a content is measured against. Days are `YYYY-MM-DD` in Japan. */
export type Circumstances = {
  readonly today: string;
  readonly filedBy: Filer;
  /** Null for an oath. */
  readonly oathDate: string | null;
  /** The registration is over here: what was in force can no longer be harmed. */
  readonly isOver: boolean;
};

type Checks = {
  readonly [Kind in ProcedureKind]: (content: Contents[Kind], at: Circumstances) => void;
};

/**
 * What no schema can say of a form that is complete: days that cannot be, and one partner acting for the other.
 *
 * @throws Refusal `procedure_incomplete` with the first place and its rule
 */
export function requirePlausible<Kind extends ProcedureKind>(
  kind: Kind,
  content: Contents[Kind],
  at: Circumstances,
): void {
  CHECKS[kind](content, at);
}

const CHECKS: Checks = {
  oath(content, { today }) {
    for (const position of POSITIONS) {
      const partner = content.partners[position];
      const place = `/partners/${position}`;
      requireNames(partner, place, today);
      requireMunicipality(partner.residence, place);
      requireSeen(partner.documentsSeen, place, today);
    }
    requireFamily(content.familyMembers, today);
  },

  residence_proof({ partners }, at) {
    requireOwn(Object.keys(partners), at.filedBy, '/partners');
    for (const position of POSITIONS) {
      const shown = partners[position];
      if (!shown) continue;
      const place = `/partners/${position}`;
      if (shown.residence.kind !== 'resident')
        throw incomplete(`${place}/residence/kind`, 'enum', 'resident');
      requireMunicipality(shown.residence, place);
      requirePast(shown.documentIssuedOn, `${place}/documentIssuedOn`, at.today);
    }
  },

  change({ partners, familyMembers }, at) {
    requireOwn(Object.keys(partners ?? {}), at.filedBy, '/partners');
    for (const position of POSITIONS) {
      const change = partners?.[position];
      if (!change) continue;
      const place = `/partners/${position}`;
      requireNames(change.kana === undefined ? {} : { kana: change.kana }, place, at.today);
      if (change.correctedBirthDate !== undefined)
        requirePast(change.correctedBirthDate, `${place}/correctedBirthDate`, at.oathDate ?? at.today);
      if (change.residence) requireMunicipality(change.residence, place);
      requireSeen(change.documentsSeen, place, at.today);
    }
    if (!familyMembers) {
      // An empty `partners` is no change; what the contract lets pass as one member must change something.
      if (!partners) throw incomplete('/partners', 'required');
      return;
    }
    // Both certificates name the family: one of the two alone does not change them.
    if (at.filedBy === 'first' || at.filedBy === 'second')
      throw incomplete('/familyMembers', 'filed_by_both');
    requireFamily(familyMembers, at.today);
  },

  reissue({ positions }, { filedBy }) {
    requireOwn(positions, filedBy, '/positions');
  },

  return({ returnedOn, positions }, at) {
    // Afterwards one may hand in both: nothing is lost by it. Before, it would take the other's certificate away.
    if (!at.isOver) requireOwn(positions, at.filedBy, '/positions');
    requireSinceOath(returnedOn, '/returnedOn', at);
  },

  dissolution(content, at) {
    requireEnd(content, at, []);
  },

  death(content, at) {
    requireEnd(content, at, ['deceased']);
    if (content.deceased === undefined) throw incomplete('/deceased', 'required');
    if (filersOf(at.filedBy).includes(content.deceased)) throw incomplete('/deceased', 'not_filing');
  },

  moved_out(content, at) {
    requireEnd(content, at, ['destination']);
    if (content.destination !== undefined && !isAuthorityCode(content.destination))
      throw incomplete('/destination', 'pattern');
  },

  requirement_lost(content, at) {
    requireEnd(content, at, ['requirement']);
    if (content.requirement === undefined) throw incomplete('/requirement', 'required');
    if (!(REQUIREMENTS as readonly string[]).includes(content.requirement))
      throw incomplete('/requirement', 'enum', REQUIREMENTS.join(', '));
  },

  revocation({ hearing, hearingOn }, { today }) {
    if (hearing !== undefined && hearing !== 'waived' && hearingOn === undefined)
      throw incomplete('/hearingOn', 'required');
    if (hearingOn !== undefined) requirePast(hearingOn, '/hearingOn', today);
  },

  erroneous_entry() {},

  certificate_of_fact({ forPosition }, { filedBy }) {
    requireOwn([forPosition], filedBy, '/forPosition');
  },
};

const END_MEMBERS = ['deceased', 'destination', 'requirement'] as const;

function requireEnd(content: EndContent, at: Circumstances, needed: readonly string[]): void {
  requireSinceOath(content.endedOn, '/endedOn', at);
  const surplus = END_MEMBERS.find((name) => content[name] !== undefined && !needed.includes(name));
  if (surplus !== undefined) throw incomplete(`/${surplus}`, 'additionalProperties');
}

/** One partner's form says nothing about the other one. */
function requireOwn(positions: readonly string[], filedBy: Filer, pointer: string): void {
  if (filedBy === 'both' || filedBy === 'office') return;
  const foreign = positions.find((position) => position !== filedBy) as PartnerPosition | undefined;
  if (foreign === undefined) return;
  throw incomplete(pointer === '/partners' ? `${pointer}/${foreign}` : pointer, 'filing_partner');
}

function requireNames(
  { kana, birthDate }: { readonly kana?: string; readonly birthDate?: string },
  place: string,
  today: string,
): void {
  // A reading that folds to nothing could never be found again.
  if (kana !== undefined && foldName(kana) === '') throw incomplete(`${place}/kana`, 'pattern');
  if (birthDate !== undefined) requirePast(birthDate, `${place}/birthDate`, today);
}

function requireMunicipality({ kind, municipality }: Residence, place: string): void {
  const pointer = `${place}/residence/municipality`;
  if (kind !== 'elsewhere' && municipality === undefined) throw incomplete(pointer, 'required');
  if (municipality !== undefined && !isAuthorityCode(municipality)) throw incomplete(pointer, 'pattern');
}

function requireSeen(
  documents: readonly { readonly issuedOn?: string | undefined }[] | undefined,
  place: string,
  today: string,
): void {
  for (const [at, { issuedOn }] of (documents ?? []).entries())
    if (issuedOn !== undefined) requirePast(issuedOn, `${place}/documentsSeen/${at}/issuedOn`, today);
}

function requireFamily(members: readonly FamilyEntry[] | undefined, today: string): void {
  for (const [at, member] of (members ?? []).entries()) requireNames(member, `/familyMembers/${at}`, today);
}

function requirePast(day: string, pointer: string, today: string): void {
  if (day > today) throw incomplete(pointer, 'not_in_future');
}

function requireSinceOath(day: string, pointer: string, { today, oathDate }: Circumstances): void {
  if (day > today || (oathDate !== null && day < oathDate))
    throw incomplete(pointer, 'between_oath_and_today');
}

function incomplete(pointer: string, rule: string, allowed?: string): Refusal {
  return new Refusal('procedure_incomplete', {
    pointer,
    rule,
    ...(allowed === undefined ? {} : { allowed }),
  });
}
