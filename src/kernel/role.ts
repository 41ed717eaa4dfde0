/** Who may stand at the counter. A verifier has no account; a peer authority proves itself by its keys. */
export const ROLES = ['partner', 'clerk', 'approver', 'administrator', 'auditor', 'coordinator'] as const;

export type Role = (typeof ROLES)[number];

/** Which of the two partners: the order of the oath form, without any other meaning. */
export type PartnerPosition = 'first' | 'second';

export const POSITIONS: readonly PartnerPosition[] = ['first', 'second'];

/** What a partner's session is bound to: one record, and one of the two people in it. */
export type PartnerScope = {
  readonly record: { readonly kind: 'registration' | 'transfer' | 'procedure'; readonly id: string };
  readonly position: PartnerPosition;
};

/** Whoever acts. `subject` is a pseudonym of the municipality's directory, never a name. */
export type Actor =
  | { readonly kind: 'staff'; readonly role: Exclude<Role, 'partner'>; readonly subject: string }
  | {
      readonly kind: 'partner';
      readonly role: 'partner';
      readonly subject: string;
      readonly scope: PartnerScope;
    }
  | { readonly kind: 'peer'; readonly subject: string }
  | { readonly kind: 'public'; readonly subject: 'public' }
  | { readonly kind: 'system'; readonly subject: 'system' };
