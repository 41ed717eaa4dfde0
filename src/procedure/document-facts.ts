import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type {
  Couple,
  FamilyMemberRecord,
  PartnerRecord,
  RegistrationRow,
} from '../registry/registration-store.ts';
import type { Frame } from './document.ts';
import { at, textAt } from './document-content.ts';
import { filersOf } from './procedure.ts';
import type { ProcedureSignature } from './procedure-signature.ts';
import type { ProcedureRow } from './procedure-store.ts';

/** All that the documents of a procedure are made of. What was erased, or is not there yet, is undefined. */
export type ProcedureFacts = Frame & {
  readonly procedure: Omit<ProcedureRow, 'content' | 'openedAt' | 'changedAt'> & {
    readonly openedOn: string;
    readonly changedOn: string;
  };
  /** As filled in, complete or not; undefined where it is no longer kept. */
  readonly content: unknown;
  readonly signatures: readonly (Pick<ProcedureSignature, 'position' | 'method'> & {
    readonly signedOn: string;
  })[];
  readonly registration: RegistrationRow | undefined;
  readonly partners: Couple<PartnerRecord> | undefined;
  /** Who stands in the registration beside the couple. */
  readonly family: readonly FamilyMemberRecord[];
  readonly isProtected: Couple<boolean>;
};

/**
 * Whether a document may say anything of this partner. A sheet that the other one files, or both together, may come into
 * the other one's hands: of a protected partner it says nothing, not even that something is left out.
 */
export function mayShow({ procedure, isProtected }: ProcedureFacts, position: PartnerPosition): boolean {
  return !isProtected[position] || procedure.filedBy === position;
}

/** The partners who file and of whom the document may speak. */
export function shownFilers(facts: ProcedureFacts): readonly PartnerPosition[] {
  return filersOf(facts.procedure.filedBy).filter((position) => mayShow(facts, position));
}

export function shownPositions(facts: ProcedureFacts): readonly PartnerPosition[] {
  return POSITIONS.filter((position) => mayShow(facts, position));
}

/** What is known of one partner: as registered, or, before an oath is registered, as filled in. */
export function partnerOf(
  { partners, content, registration }: ProcedureFacts,
  position: PartnerPosition,
): unknown {
  return partners?.[position] ?? (registration ? undefined : at(content, 'partners', position));
}

/** The name under which a partner is written to: the alias where they have one. */
export function nameOf(partner: unknown): string | undefined {
  return textAt(partner, 'alias', 'name') ?? textAt(partner, 'registeredName');
}
