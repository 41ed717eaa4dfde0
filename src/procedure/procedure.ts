import { type PartnerPosition, POSITIONS, type Role } from '../kernel/role.ts';
import type { EndReason, RegistrationState } from '../registry/registration.ts';
import type { AuthorityRecord, FormCode } from '../registry/rule-set.ts';

/** 宣誓 · 転入の証明 · 変更 · 再交付 · 返還 · 解消 · 死亡 · 転出 · 要件喪失 · 取消し · 誤記載の訂正 · 事実証明 */
export const PROCEDURE_KINDS = [
  'oath',
  'residence_proof',
  'change',
  'reissue',
  'return',
  'dissolution',
  'death',
  'moved_out',
  'requirement_lost',
  'revocation',
  'erroneous_entry',
  'certificate_of_fact',
] as const;

export type ProcedureKind = (typeof PROCEDURE_KINDS)[number];

/** Who files: one partner, both together, or the office by what it knows itself. */
export type Filer = PartnerPosition | 'both' | 'office';

export type ProcedureRule = {
  /** The authority's form (様式) on which it is filed. */
  readonly form: FormCode;
  readonly filedBy: readonly Filer[];
  /** Whether a partner may open it alone, in a session of their own registration. */
  readonly partnerOpens: boolean;
  /** Whose signatures are needed; what the office files by its own knowledge nobody signs. */
  readonly signedBy: 'filers' | 'nobody';
  readonly decidedBy: readonly Role[];
  /** When whoever prepared it may not decide it. */
  readonly fourEyes: 'always' | 'filed_by_office' | 'never';
  /** States of the registration in which it may be opened, submitted and carried out; an oath has none yet. */
  readonly possibleIn: readonly RegistrationState[];
  /** By when the office decides once it is submitted. */
  readonly decisionDue: 'appointment' | 'hearing' | 'decision_period';
  /** Who is told of it by a notice, beside whoever filed it. */
  readonly notice: 'both' | 'other_partner' | 'nobody';
  readonly registration: 'registers' | 'clears_residence_due' | 'changes' | 'ends' | 'none';
  readonly certificates: 'issues' | 'replaces' | 'replaces_where_printed' | 'surrenders' | 'revokes' | 'none';
  /** Why the registration ends; `ground`: as the content says. */
  readonly endReason?: EndReason | 'ground';
  /** Whether the certificates are to be handed in afterwards: always where a registration ends, except after a death (那覇市). */
  readonly returnDemanded: boolean;
  /** Whether its content is still readable once it is done; an oath's then stands in the registration. */
  readonly keepsContent: boolean;
};

const BY_ONE_OR_BOTH: readonly Filer[] = ['first', 'second', 'both'];
const BY_ANYBODY: readonly Filer[] = [...BY_ONE_OR_BOTH, 'office'];
const COUNTER: readonly Role[] = ['clerk', 'approver'];
/** While it is promised to another authority nothing of it may change: the promise is sealed with what it says. */
const IN_FORCE: readonly RegistrationState[] = ['active'];
/** An offer is cancelled first; what was released has left and can no longer be ended here. */
const MAY_END: readonly RegistrationState[] = ['active', 'offered', 'received'];

const PARTNERS_REPORT = {
  form: 'end',
  signedBy: 'filers',
  decidedBy: COUNTER,
  fourEyes: 'filed_by_office',
  possibleIn: MAY_END,
  decisionDue: 'decision_period',
  registration: 'ends',
  certificates: 'revokes',
  returnDemanded: true,
  keepsContent: true,
} as const;

/** What takes the ground from an oath once given: the office files it, an approver decides. */
const OFFICE_REVOKES = {
  ...PARTNERS_REPORT,
  filedBy: ['office'],
  partnerOpens: false,
  signedBy: 'nobody',
  decidedBy: ['approver'],
  fourEyes: 'always',
  notice: 'both',
} as const;

/** Every kind with all that sets it apart; a case asks this table, never the name of its kind. */
export const PROCEDURES = {
  oath: {
    form: 'oath',
    filedBy: ['both'],
    partnerOpens: false,
    signedBy: 'filers',
    decidedBy: COUNTER,
    fourEyes: 'never',
    possibleIn: [],
    decisionDue: 'appointment',
    notice: 'nobody',
    registration: 'registers',
    certificates: 'issues',
    returnDemanded: false,
    keepsContent: false,
  },
  residence_proof: {
    form: 'change',
    filedBy: BY_ONE_OR_BOTH,
    partnerOpens: true,
    signedBy: 'filers',
    decidedBy: COUNTER,
    fourEyes: 'never',
    possibleIn: IN_FORCE,
    decisionDue: 'decision_period',
    notice: 'nobody',
    registration: 'clears_residence_due',
    certificates: 'none',
    returnDemanded: false,
    keepsContent: true,
  },
  change: {
    form: 'change',
    filedBy: BY_ANYBODY,
    partnerOpens: true,
    signedBy: 'filers',
    decidedBy: COUNTER,
    fourEyes: 'filed_by_office',
    possibleIn: IN_FORCE,
    decisionDue: 'decision_period',
    notice: 'other_partner',
    registration: 'changes',
    certificates: 'replaces_where_printed',
    returnDemanded: false,
    keepsContent: true,
  },
  reissue: {
    form: 'reissue',
    filedBy: BY_ONE_OR_BOTH,
    partnerOpens: true,
    signedBy: 'filers',
    decidedBy: COUNTER,
    fourEyes: 'never',
    possibleIn: IN_FORCE,
    decisionDue: 'decision_period',
    notice: 'nobody',
    registration: 'none',
    certificates: 'replaces',
    returnDemanded: false,
    keepsContent: true,
  },
  return: {
    form: 'return',
    filedBy: BY_ANYBODY,
    partnerOpens: true,
    signedBy: 'filers',
    decidedBy: COUNTER,
    fourEyes: 'never',
    possibleIn: ['active', 'offered', 'closed', 'ended'],
    decisionDue: 'decision_period',
    notice: 'nobody',
    registration: 'none',
    certificates: 'surrenders',
    returnDemanded: false,
    keepsContent: true,
  },
  dissolution: {
    ...PARTNERS_REPORT,
    filedBy: BY_ONE_OR_BOTH,
    partnerOpens: true,
    notice: 'other_partner',
    endReason: 'dissolution',
  },
  death: {
    ...PARTNERS_REPORT,
    filedBy: ['first', 'second', 'office'],
    partnerOpens: true,
    notice: 'nobody',
    endReason: 'death',
    returnDemanded: false,
  },
  moved_out: {
    ...PARTNERS_REPORT,
    filedBy: BY_ANYBODY,
    partnerOpens: true,
    notice: 'other_partner',
    endReason: 'moved_out',
  },
  requirement_lost: {
    ...PARTNERS_REPORT,
    filedBy: BY_ANYBODY,
    partnerOpens: true,
    notice: 'both',
    endReason: 'requirement_lost',
  },
  revocation: { ...OFFICE_REVOKES, decisionDue: 'hearing', endReason: 'ground' },
  erroneous_entry: { ...OFFICE_REVOKES, endReason: 'erroneous_entry' },
  certificate_of_fact: {
    form: 'certificate_of_fact',
    filedBy: ['first', 'second'],
    partnerOpens: true,
    signedBy: 'filers',
    decidedBy: COUNTER,
    fourEyes: 'never',
    possibleIn: ['ended'],
    decisionDue: 'decision_period',
    notice: 'nobody',
    registration: 'none',
    certificates: 'none',
    returnDemanded: false,
    keepsContent: true,
  },
} as const satisfies Record<ProcedureKind, ProcedureRule>;

export function ruleOf(kind: ProcedureKind): ProcedureRule {
  return PROCEDURES[kind];
}

/** The partners who file: nobody where the office does. */
export function filersOf(filedBy: Filer): readonly PartnerPosition[] {
  if (filedBy === 'office') return [];
  return filedBy === 'both' ? POSITIONS : [filedBy];
}

export function signersOf(kind: ProcedureKind, filedBy: Filer): readonly PartnerPosition[] {
  return ruleOf(kind).signedBy === 'filers' ? filersOf(filedBy) : [];
}

/** Whom the office writes to once it is carried out. */
export function noticeTo(kind: ProcedureKind, filedBy: Filer): readonly PartnerPosition[] {
  switch (ruleOf(kind).notice) {
    case 'both':
      return POSITIONS;
    case 'other_partner':
      return POSITIONS.filter((position) => !filersOf(filedBy).includes(position));
    case 'nobody':
      return [];
  }
}

/**
 * Who may decide. Where the authority's rules ask two people for each issue, whatever issues a certificate needs an
 * approver who did not prepare it.
 */
export function decisionRule(
  kind: ProcedureKind,
  filedBy: Filer,
  issueNeedsApprover: boolean,
): { readonly roles: readonly Role[]; readonly fourEyes: boolean } {
  const { decidedBy, fourEyes, certificates } = ruleOf(kind);
  const issues =
    certificates === 'issues' || certificates === 'replaces' || certificates === 'replaces_where_printed';
  if (issues && issueNeedsApprover) return { roles: ['approver'], fourEyes: true };
  return {
    roles: decidedBy,
    fourEyes: fourEyes === 'always' || (fourEyes === 'filed_by_office' && filedBy === 'office'),
  };
}

/** The version of a form in force on a day; null where the authority has none, or only one that is still to come. */
export function formInForce(
  { forms }: Pick<AuthorityRecord, 'forms'>,
  form: FormCode,
  on: string,
): string | null {
  const named = forms[form];
  return named !== undefined && named.from <= on ? named.version : null;
}

/** What a procedure is filed on where the authority's own form is not known. */
export function formFor(authority: Pick<AuthorityRecord, 'forms'>, kind: ProcedureKind, on: string): string {
  const { form } = ruleOf(kind);
  return formInForce(authority, form, on) ?? `${form}-1`;
}
