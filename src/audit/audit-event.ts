import { randomBytes } from 'node:crypto';
import { canonicalJson } from '../kernel/canonical-json.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { hashLeaf } from './merkle-tree.ts';

/**
 * Everything that is written to the log, with exactly the facts each kind carries. Facts are codes, counts and
 * identifiers without meaning; never a name, an address, a birth date, a certificate number or a token.
 */
export type AuditFacts = {
  oath_registered: { readonly epoch: number };
  registration_imported: { readonly importId: string };
  registration_changed: { readonly position?: string; readonly items: readonly string[] };
  residence_proven: Record<never, never>;
  contact_read: Record<never, never>;
  contact_changed: Record<never, never>;
  protection_changed: { readonly protected: boolean };
  register_searched: { readonly by: readonly string[]; readonly found: number };
  duplicates_checked: {
    readonly asked: number;
    readonly possibleMatches: readonly string[];
    readonly unanswered: number;
  };
  blinded_question_answered: { readonly question: 'index' | 'evaluation'; readonly elements: number };
  procedure_opened: { readonly kind: string; readonly filedBy: string };
  procedure_read: Record<never, never>;
  procedure_saved: Record<never, never>;
  procedure_booked: Record<never, never>;
  procedure_submitted: Record<never, never>;
  procedure_signed: { readonly method: string };
  procedure_decided: { readonly decision: string; readonly reasons: readonly string[] };
  procedure_withdrawn: Record<never, never>;
  procedure_expired: Record<never, never>;
  document_made: { readonly document: string };
  rule_change_simulated: { readonly changed: readonly string[] };
  rule_change_proposed: { readonly changed: readonly string[] };
  rule_change_decided: { readonly decision: string; readonly revision?: number };
  import_received: { readonly rows: number; readonly format: string };
  import_checked: { readonly good: number; readonly faulty: number };
  import_committed: { readonly registered: number; readonly alreadyThere: number; readonly leftOut: number };
  import_discarded: Record<never, never>;
  export_requested: { readonly reason: string };
  export_approved: Record<never, never>;
  export_downloaded: Record<never, never>;
  register_restored: { readonly registrations: number };
  registration_read: Record<never, never>;
  registration_ended: { readonly reason: string };
  certificates_issued: { readonly certificateIds: readonly string[] };
  certificate_read: { readonly certificateId: string };
  certificate_revoked: { readonly certificateId: string; readonly reason: string };
  certificate_surrendered: { readonly certificateId: string };
  certificate_recognised: { readonly verdict: string; readonly issuer?: string };
  certificate_printed: { readonly certificateId: string; readonly format: string };
  renewal_started: { readonly renewalId: string; readonly reason: string; readonly total: number };
  wallet_offer_made: { readonly needsApproval: boolean; readonly identityCheckedBy?: string };
  wallet_offer_burnt: Record<never, never>;
  wallet_certificate_requested: { readonly deferred: boolean };
  wallet_issuance_decided: { readonly decision: string };
  wallet_notified: { readonly event: string };
  presentation_requested: { readonly purpose: string };
  presentation_received: { readonly outcome: string };
  login_code_created: { readonly identityCheckedBy: string };
  session_created: Record<never, never>;
  own_record_read: Record<never, never>;
  own_certificates_read: Record<never, never>;
  own_accesses_read: Record<never, never>;
  transfer_opened: { readonly origin: string };
  origin_letter_sent: { readonly to: string };
  origin_letter_answered: { readonly from: string; readonly answer: string };
  oath_continued_on_paper: { readonly from: string };
  filing_opened: { readonly destination: string };
  filing_forwarded: { readonly to: string };
  filing_received: { readonly from: string };
  filing_decided: { readonly decision: string; readonly reasons: readonly string[] };
  filing_ended: { readonly by: string; readonly reason: string };
  transfer_read: Record<never, never>;
  transfer_submitted: Record<never, never>;
  transfer_consented: { readonly textVersion: string; readonly method: string };
  transfer_consent_refused: Record<never, never>;
  transfer_decided: { readonly decision: string; readonly reasons: readonly string[] };
  transfer_withdrawn: Record<never, never>;
  transfer_moved_on: { readonly from: string; readonly to: string; readonly peer: string };
  transfer_draft_saved: Record<never, never>;
  transfer_correction_requested: { readonly corrections: readonly string[] };
  transfer_paused: { readonly reason: string };
  transfer_resumed: Record<never, never>;
  transfer_expiry_announced: { readonly expiresOn: string };
  transfer_expired: Record<never, never>;
  transfer_reopened: { readonly as: string };
  transfer_origin_asked: { readonly how: string; readonly answer?: string };
  transfer_hold_placed: { readonly reason: string };
  transfer_hold_ended: { readonly outcome: string };
  /** That a protection went with the registration: for the protected partner and nobody else. */
  protection_provided: { readonly to: string };
  personal_data_provided: { readonly to: string; readonly items: readonly string[] };
  personal_data_received: { readonly from: string; readonly items: readonly string[] };
  /** What the links prove that came with a registration: the move itself does not hang on them. */
  continuity_checked: { readonly outcome: string; readonly reason?: string; readonly links: number };
  message_sent: { readonly step: string; readonly to: string; readonly mid: string };
  /** No receipt had come when its transfer ended: it may stand in the peer's log all the same. */
  message_unconfirmed: { readonly step: string; readonly to: string; readonly mid: string };
  message_received: {
    readonly step: string;
    readonly from: string;
    readonly mid: string;
    readonly result: string;
  };
  quarantine_entered: {
    readonly cause: string;
    readonly generation: number;
    readonly witnesses: readonly string[];
  };
  quarantine_left: { readonly generation: number; readonly waived: readonly string[] };
  recall_answered: { readonly to: string; readonly ask: string; readonly items: number };
  evidence_taken: { readonly from: string; readonly reached: string; readonly outcome: string };
  witness_heard: { readonly from: string; readonly fault?: string };
  waiver_proposed: { readonly waiverId: string; readonly codes: readonly string[]; readonly reason: string };
  waiver_decided: {
    readonly waiverId: string;
    readonly codes: readonly string[];
    readonly reason: string;
    readonly decision: string;
  };
  members_recognised: { readonly codes: readonly string[] };
  member_history_taken: { readonly version: number };
  network_alarm_raised: { readonly alarm: string; readonly about: string };
  audit_queried: { readonly filters: readonly string[] };
  audit_checked: { readonly intact: boolean };
  attempt_refused: { readonly operationId: string; readonly code: string };
};

export type AuditEventType = keyof AuditFacts;

export type RecordRef = {
  readonly kind: 'registration' | 'transfer' | 'procedure' | 'import' | 'export' | 'rule_change';
  readonly id: string;
};

/** `both`: each partner sees the entry; `acting`: only the partner named by `position`; `staff`: neither. */
export type Visibility = 'both' | 'acting' | 'staff';

export type AuditEvent<Type extends AuditEventType = AuditEventType> = {
  readonly type: Type;
  readonly actor: Actor;
  readonly record?: RecordRef | undefined;
  readonly position?: PartnerPosition | undefined;
  readonly purpose?: string | undefined;
  readonly outcome?: 'done' | 'refused';
  readonly visibility: Visibility;
  readonly facts: AuditFacts[Type];
};

/** What the leaf hash binds, in one order. Whoever alters a column of a row alters its leaf. */
export type SealedForm = {
  readonly at: Date;
  readonly type: string;
  readonly actorKind: string;
  readonly actorRole: string | null;
  readonly actorSubject: string;
  readonly recordKind: string | null;
  readonly recordId: string | null;
  readonly position: string | null;
  readonly purpose: string | null;
  readonly outcome: string;
  readonly visibility: string;
  readonly facts: unknown;
  readonly salt: Buffer;
};

export function leafHashOf(event: SealedForm): Buffer {
  // Canonical, because jsonb does not keep the order of members: a fact reads the same before and after the database.
  const canonical = canonicalJson([
    event.at.toISOString(),
    event.type,
    event.actorKind,
    event.actorRole,
    event.actorSubject,
    event.recordKind,
    event.recordId,
    event.position,
    event.purpose,
    event.outcome,
    event.visibility,
    event.facts,
  ]);
  return hashLeaf(Buffer.concat([event.salt, Buffer.from(canonical)]));
}

/** The row form of an event: salted, so that the leaf of a guessable event cannot be recognised by its hash. */
export function sealEvent(event: AuditEvent, at: Date): SealedForm & { readonly leafHash: Buffer } {
  const form: SealedForm = {
    at,
    type: event.type,
    actorKind: event.actor.kind,
    actorRole: 'role' in event.actor ? event.actor.role : null,
    actorSubject: event.actor.subject,
    recordKind: event.record?.kind ?? null,
    recordId: event.record?.id ?? null,
    position: event.position ?? (event.actor.kind === 'partner' ? event.actor.scope.position : null),
    purpose: event.purpose ?? null,
    outcome: event.outcome ?? 'done',
    visibility: event.visibility,
    facts: event.facts,
    salt: randomBytes(16),
  };
  return { ...form, leafHash: leafHashOf(form) };
}
