/**
 * Everything this service refuses, and the facts that may be told. A fact is a code, a field, a number or a date:
 * never a name, an address, a birth date or a certificate number. `http/problem.ts` turns each into words.
 */
export type RefusalFacts = {
  request_malformed: { readonly pointer: string; readonly rule: string; readonly allowed?: string };
  request_too_large: { readonly limitBytes: number };
  request_too_slow: Record<never, never>;
  media_type_unsupported: { readonly accepted: readonly string[] };
  representation_unavailable: { readonly offered: readonly string[] };
  route_not_found: Record<never, never>;
  method_not_allowed: { readonly allowed: readonly string[] };
  oauth_refused: OAuthRefusal;
  too_many_requests: { readonly retryAfterSeconds: number };
  session_missing: Record<never, never>;
  session_invalid: Record<never, never>;
  role_insufficient: { readonly roles: readonly string[] };
  login_code_invalid: Record<never, never>;
  record_not_found: Record<never, never>;
  idempotency_key_missing: Record<never, never>;
  idempotency_key_reused: Record<never, never>;
  requirements_unmet: { readonly unmet: readonly UnmetRequirement[] };
  rules_not_in_force: { readonly on: string };
  already_registered: Record<never, never>;
  residence_not_proven: Record<never, never>;
  my_number_suspected: { readonly pointer: string };
  consent_of_child_missing: { readonly pointer: string };
  family_not_named: { readonly pointer: string };
  rule_change_faulty: { readonly faults: readonly PlacedFault[] };
  rule_change_outdated: { readonly changed: readonly string[] };
  rule_change_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  procedure_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  procedure_not_possible: { readonly state: string; readonly allowed: readonly string[] };
  procedure_incomplete: { readonly pointer: string; readonly rule: string; readonly allowed?: string };
  form_expired: { readonly currentVersion: string };
  signature_missing: { readonly positions: readonly string[] };
  hearing_missing: Record<never, never>;
  appointment_too_soon: { readonly earliestOn: string };
  appointment_on_closed_day: { readonly earliestOn: string };
  appointment_taken: Record<never, never>;
  case_not_open: { readonly state: string; readonly allowed: readonly string[] };
  register_unreadable: { readonly rule: string; readonly allowed?: string };
  mapping_incomplete: { readonly faults: readonly PlacedFault[] };
  import_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  import_has_faults: { readonly rows: number };
  document_not_printable: { readonly pointers: readonly string[] };
  document_does_not_fit: Record<never, never>;
  format_not_offered: { readonly format: string; readonly offered: readonly string[] };
  export_not_approved: Record<never, never>;
  export_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  registration_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  certificate_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  transfer_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  other_way_of_case: { readonly byPost: boolean };
  answer_not_confirmed: { readonly answer: string };
  filing_not_at_origin: { readonly models: readonly string[] };
  another_transfer_open: { readonly transferId: string };
  certificate_not_accepted: { readonly pointer: string; readonly check: string; readonly reason: string };
  certificates_do_not_match: { readonly pointer: string };
  certificate_of_this_authority: Record<never, never>;
  continuation_not_possible: { readonly unmet: readonly UnmetRequirement[] };
  consent_text_outdated: { readonly currentVersion: string };
  consent_missing: { readonly positions: readonly string[] };
  same_person_decides: Record<never, never>;
  peer_message_refused: { readonly reason: string };
  peer_unknown: Record<never, never>;
  peer_not_in_agreement: {
    readonly state: 'suspended' | 'left' | 'merged';
    readonly since: string;
    readonly successor?: { readonly ja: string; readonly en: string };
  };
  node_quarantined: { readonly since: string; readonly unanswered: readonly string[] };
  waiver_state_conflict: { readonly state: string; readonly allowed: readonly string[] };
  waiver_not_possible: { readonly allowed: readonly string[] };
  not_ready: { readonly retryAfterSeconds: number; readonly cause: NotReadyCause };
};

/** What is awaited: the check of readiness that failed, or what one operation needs. */
export type NotReadyCause =
  | 'database'
  | 'own_trust_chain'
  | 'own_status_list'
  | 'print_shop'
  | 'closing'
  | 'presentation_key_missing'
  | 'origin_not_known'
  | 'import_running';

/** "No" in the words of an OAuth protocol: its error code, its status, and headers it asks for. The description is ASCII. */
export type OAuthRefusal = {
  readonly error: string;
  readonly status: 400 | 401 | 403 | 404;
  readonly description?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A fault in something larger than one field: where it stands, by which rule, and in words where the rule has none. */
export type PlacedFault = { readonly where: string; readonly rule: string; readonly allowed?: string };

/** One requirement of an authority's rules that is not met: what, by which rule, and what to bring. */
export type UnmetRequirement = {
  /** Stable code of the requirement, e.g. `residence`. */
  readonly requirement: string;
  /** Which partner it concerns, or both. */
  readonly concerns: 'first' | 'second' | 'both';
  /** `unmet`: the facts contradict the rule. `unknown`: a fact or the rule itself is not known (要確認). */
  readonly finding: 'unmet' | 'unknown';
  /** Where the rule stands: source labels of the authority's published rules. */
  readonly sources: readonly string[];
  /** Documents or steps that would settle it, as codes that the pages and problem texts put into words. */
  readonly remedies: readonly string[];
};

export type RefusalCode = keyof RefusalFacts;

/** "No" of a use case. Thrown, so that the transaction rolls back; never carries an HTTP status. */
export class Refusal<Code extends RefusalCode = RefusalCode> extends Error {
  readonly code: Code;
  readonly facts: RefusalFacts[Code];

  constructor(code: Code, facts: RefusalFacts[Code]) {
    super(code);
    this.name = 'Refusal';
    this.code = code;
    this.facts = facts;
  }
}

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Refusal;
}
