// Written by `npm run generate:schema` from the migrations. Do not edit.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

export interface Database {
  audit_checkpoint: AuditCheckpointTable;
  audit_event: AuditEventTable;
  audit_leaf: AuditLeafTable;
  certificate: CertificateTable;
  certificate_renewal: CertificateRenewalTable;
  command: CommandTable;
  custody_tombstone: CustodyTombstoneTable;
  data_key: DataKeyTable;
  database_owner: DatabaseOwnerTable;
  inbox_message: InboxMessageTable;
  login_code: LoginCodeTable;
  member: MemberTable;
  member_blinded_index: MemberBlindedIndexTable;
  member_history: MemberHistoryTable;
  member_past_key: MemberPastKeyTable;
  member_status_list: MemberStatusListTable;
  message_evidence: MessageEvidenceTable;
  node_standing: NodeStandingTable;
  outbox_message: OutboxMessageTable;
  partner_history: PartnerHistoryTable;
  partner_index: PartnerIndexTable;
  partner_search: PartnerSearchTable;
  peer_generation: PeerGenerationTable;
  presentation_request: PresentationRequestTable;
  procedure: ProcedureTable;
  procedure_signature: ProcedureSignatureTable;
  procedure_step: ProcedureStepTable;
  quarantine_waiver: QuarantineWaiverTable;
  quarantine_witness: QuarantineWitnessTable;
  register_export: RegisterExportTable;
  register_import: RegisterImportTable;
  registration: RegistrationTable;
  registration_family: RegistrationFamilyTable;
  registration_partner: RegistrationPartnerTable;
  rule_change: RuleChangeTable;
  sighting: SightingTable;
  status_list: StatusListTable;
  transfer: TransferTable;
  transfer_consent: TransferConsentTable;
  transfer_hold: TransferHoldTable;
  transfer_letter: TransferLetterTable;
  transfer_step: TransferStepTable;
  wallet_issuance: WalletIssuanceTable;
  wallet_offer: WalletOfferTable;
  wallet_once: WalletOnceTable;
  wallet_token: WalletTokenTable;
}

export interface AuditCheckpointTable {
  tree_size: number;
  root_hash: Buffer;
  peaks: Buffer;
  sealed_at: Date;
  token: string;
}

export interface AuditEventTable {
  sequence: GeneratedAlways<number>;
  at: Date;
  type: string;
  actor_kind: 'staff' | 'partner' | 'peer' | 'public' | 'system';
  actor_role: string | null;
  actor_subject: string;
  record_kind: 'registration' | 'transfer' | 'procedure' | 'import' | 'export' | 'rule_change' | null;
  record_id: string | null;
  position: 'first' | 'second' | null;
  purpose: string | null;
  outcome: 'done' | 'refused';
  visibility: 'both' | 'acting' | 'staff';
  facts: ColumnType<unknown, string, string>;
  salt: Buffer;
  leaf_hash: Buffer;
}

export interface AuditLeafTable {
  leaf_index: number;
  sequence: number;
}

export interface CertificateTable {
  id: string;
  registration_id: string;
  epoch: number;
  position: 'first' | 'second';
  state: 'intended' | 'issued' | 'revoked' | 'abandoned';
  list_id: number;
  status_index: number;
  intended_at: Date;
  issued_on: string;
  expires_on: string;
  issued_at: Date | null;
  number: Buffer;
  sd_jwt_vc: Buffer | null;
  paper_token: Buffer | null;
  sd_jwt_hash: Buffer | null;
  paper_hash: Buffer | null;
  revoked_at: Date | null;
  revoke_reason: 'lost' | 'damaged' | 'changed' | 'renewed' | 'returned' | 'misuse' | 'registration_ended' | 'continued_elsewhere' | null;
  replaces: string | null;
  replace_reason: 'lost' | 'damaged' | 'changed' | 'renewed' | null;
  surrendered_on: string | null;
  form: Generated<'portable' | 'wallet'>;
  holder_jwk: ColumnType<unknown, string | null, string | null>;
  key_id: string | null;
}

export interface CertificateRenewalTable {
  id: string;
  reason: 'expiring' | 'key_compromised';
  expiring_before: string | null;
  key_id: string | null;
  total: number;
  done: Generated<number>;
  started_by: string;
  started_at: Date;
  finished_at: Date | null;
}

export interface CommandTable {
  actor_subject: string;
  idempotency_key: string;
  operation_id: string;
  request_hash: Buffer;
  status: number;
  answer: ColumnType<unknown, string, string>;
  at: Date;
}

export interface CustodyTombstoneTable {
  registration_id: string;
  epoch: number;
  state: 'released' | 'closed';
  transfer_id: string;
}

export interface DataKeyTable {
  subject_kind: 'registration' | 'transfer' | 'procedure' | 'import' | 'presentation';
  subject_id: string;
  epoch: number;
  wrapped_key: Buffer | null;
  destroyed_at: Date | null;
}

export interface DatabaseOwnerTable {
  only_row: Generated<boolean>;
  authority: string;
  since: Date;
}

export interface InboxMessageTable {
  mid: string;
  transfer_id: string;
  step: string;
  sender: string;
  content_hash: string;
  received_at: Date;
  result: string;
  generation: Generated<number>;
}

export interface LoginCodeTable {
  code_hash: Buffer;
  record_kind: 'registration' | 'transfer' | 'procedure';
  record_id: string;
  position: 'first' | 'second';
  expires_at: Date;
  used_at: Date | null;
}

export interface MemberTable {
  entity_id: string;
  code: string;
  statements: ColumnType<unknown, string, string>;
  verified_at: Date;
  expires_at: Date;
  memberships: ColumnType<unknown, string | undefined, string>;
}

export interface MemberBlindedIndexTable {
  entity_id: string;
  tags: Buffer;
  version: string;
  fetched_at: Date;
}

export interface MemberHistoryTable {
  version: number;
  token: string;
  taken_at: Date;
}

export interface MemberPastKeyTable {
  entity_id: string;
  thumbprint: string;
  purpose: 'certificate' | 'message' | 'federation';
  jwk: ColumnType<unknown, string, string>;
  ended_at: Date;
  reason: 'unspecified' | 'compromised' | 'superseded' | null;
  learned_at: Date;
}

export interface MemberStatusListTable {
  uri: string;
  entity_id: string;
  token: string;
  issued_at: Date;
  expires_at: Date;
  fetched_at: Date;
}

export interface MessageEvidenceTable {
  id: string;
  mid: string;
  transfer_id: string;
  direction: 'sent' | 'received';
  jws: string;
  receipt: string | null;
  at: Date;
}

export interface NodeStandingTable {
  single: Generated<boolean>;
  generation: Generated<number>;
  nonce: Generated<string>;
  cause: 'restored' | 'operator' | 'proven_by_member' | 'generation_known' | null;
  quarantined_at: Date | null;
  returned_at: Date | null;
}

export interface OutboxMessageTable {
  mid: string;
  transfer_id: string;
  step: string;
  destination: string;
  content: ColumnType<unknown, string, string>;
  payload: Buffer | null;
  payload_subject_kind: string | null;
  payload_subject_id: string | null;
  payload_epoch: number | null;
  created_at: Date;
  attempts: Generated<number>;
  next_attempt_at: Date;
  delivered_at: Date | null;
}

export interface PartnerHistoryTable {
  id: string;
  registration_id: string;
  epoch: number;
  position: 'first' | 'second';
  replaced_at: Date;
  record: Buffer;
  voided_at: Date | null;
}

export interface PartnerIndexTable {
  registration_id: string;
  epoch: number;
  position: 'first' | 'second';
  blind_index: Buffer;
  live: boolean;
  homonym: Generated<number>;
  blinded_tag: Buffer | null;
}

export interface PartnerSearchTable {
  registration_id: string;
  epoch: number;
  position: 'first' | 'second';
  kind: 'kana' | 'name' | 'alias';
  blind_index: Buffer;
}

export interface PeerGenerationTable {
  entity_id: string;
  generation: number;
  nonce: Generated<string>;
  seen_at: Date;
}

export interface PresentationRequestTable {
  id: string;
  reference_hash: Buffer;
  secret_hash: Buffer;
  purpose: 'verification' | 'transfer_consent';
  transfer_id: string | null;
  position: 'first' | 'second' | null;
  question: ColumnType<unknown, string, string>;
  response_key: Buffer | null;
  state: 'open' | 'answered' | 'failed' | 'read';
  expires_at: Date;
  made_at: Date;
  result: Buffer | null;
}

export interface ProcedureTable {
  id: string;
  kind: 'oath' | 'residence_proof' | 'change' | 'reissue' | 'return' | 'dissolution' | 'death' | 'moved_out' | 'requirement_lost' | 'revocation' | 'erroneous_entry' | 'certificate_of_fact';
  state: 'draft' | 'submitted' | 'correction' | 'done' | 'withdrawn' | 'declined' | 'expired';
  registration_id: string | null;
  epoch: number | null;
  filed_by: 'first' | 'second' | 'both' | 'office';
  form_version: string;
  content: Buffer | null;
  appointment_on: string | null;
  appointment_at: string | null;
  due_on: string | null;
  reasons: ColumnType<unknown, string | undefined, string>;
  to_confirm: ColumnType<unknown, string | undefined, string>;
  opened_by: string;
  opened_at: Date;
  changed_at: Date;
  decided_by: string | null;
  eased_by: ColumnType<unknown, string | null, string | null>;
}

export interface ProcedureSignatureTable {
  procedure_id: string;
  position: 'first' | 'second';
  method: 'session' | 'counter';
  evidence_sha256: string | null;
  content_hash: Buffer;
  signed_at: Date;
  superseded_at: Date | null;
}

export interface ProcedureStepTable {
  procedure_id: string;
  number: number;
  step: string;
  at: Date;
}

export interface QuarantineWaiverTable {
  id: string;
  generation: number;
  state: 'proposed' | 'approved' | 'declined';
  codes: ColumnType<unknown, string, string>;
  reason: 'member_destroyed' | 'member_unreachable' | 'member_suspended' | 'evidence_unusable';
  proposed_by: string;
  proposed_at: Date;
  decided_by: string | null;
  decided_at: Date | null;
}

export interface QuarantineWitnessTable {
  generation: number;
  entity_id: string;
  code: string;
  cursor: string | null;
  answered_at: Date | null;
  waived_at: Date | null;
  fault: string | null;
}

export interface RegisterExportTable {
  id: string;
  reason: 'system_change' | 'backup' | 'audit' | 'merger';
  requested_by: string;
  requested_at: Date;
  approved_by: string | null;
  approved_at: Date | null;
  expires_at: Date | null;
  downloads: Generated<number>;
}

export interface RegisterImportTable {
  id: string;
  state: 'uploaded' | 'checked' | 'committed' | 'discarded';
  format: 'csv' | 'xlsx';
  encoding: 'utf-8' | 'shift_jis' | null;
  file: Buffer | null;
  row_count: number;
  columns: Buffer | null;
  mapping: ColumnType<unknown, string | null, string | null>;
  report: ColumnType<unknown, string | null, string | null>;
  uploaded_by: string;
  uploaded_at: Date;
  committed_by: string | null;
  committed_at: Date | null;
}

export interface RegistrationTable {
  id: string;
  epoch: number;
  state: 'staged' | 'received' | 'active' | 'offered' | 'released' | 'closed' | 'ended' | 'abandoned';
  oath_date: string;
  first_oath_date: string;
  first_authority: string;
  registered_at: Date;
  transfer_id: string | null;
  ended_on: string | null;
  end_reason: 'dissolution' | 'death' | 'moved_out' | 'requirement_lost' | 'false_statement' | 'misuse' | 'erroneous_entry' | null;
  declarations: Buffer | null;
  residence_due_on: string | null;
  residence_proven_on: string | null;
  source_key: Buffer | null;
  continuity: Buffer | null;
}

export interface RegistrationFamilyTable {
  registration_id: string;
  epoch: number;
  number: number;
  member: Buffer;
  removed_at: Date | null;
}

export interface RegistrationPartnerTable {
  registration_id: string;
  epoch: number;
  position: 'first' | 'second';
  registered_name: Buffer;
  kana: Buffer;
  alias: Buffer | null;
  alias_display: 'alias_only' | 'alias_with_registered_name' | null;
  birth_date: Buffer;
  residence: Buffer;
  protected: Generated<boolean>;
  contact: Buffer | null;
  kept_number: Buffer | null;
}

export interface RuleChangeTable {
  id: string;
  state: 'proposed' | 'approved' | 'rejected';
  entries: ColumnType<unknown, string, string>;
  reason: string;
  simulation: ColumnType<unknown, string, string>;
  proposed_by: string;
  proposed_at: Date;
  based_on: number;
  decided_by: string | null;
  decided_at: Date | null;
  revision: number | null;
}

export interface SightingTable {
  tag: Buffer;
  seen_at: Date;
}

export interface StatusListTable {
  list_id: number;
  size: number;
  bits: Buffer;
  version: Generated<number>;
  signed_version: number | null;
  signed_token: string | null;
  signed_at: Date | null;
}

export interface TransferTable {
  id: string;
  side: 'origin' | 'destination';
  state: 'draft' | 'submitted' | 'correction' | 'consented' | 'requested' | 'staged' | 'activated' | 'completed' | 'withdrawn' | 'declined' | 'consent_refused' | 'refused_by_origin' | 'expired' | 'held' | 'offered' | 'released' | 'cancelled' | 'filing' | 'forwarded' | 'filed' | 'inquired' | 'answered';
  peer_entity: string | null;
  peer_code: string;
  registration_id: string | null;
  epoch: number | null;
  protocol: ColumnType<unknown, string | null, string | null>;
  application: Buffer | null;
  reasons: ColumnType<unknown, string | undefined, string>;
  unmet: ColumnType<unknown, string | undefined, string>;
  opened_by: string;
  opened_at: Date;
  changed_at: Date;
  draft: Buffer | null;
  corrections: ColumnType<unknown, string | undefined, string>;
  reopen_until: string | null;
  expired_from: 'draft' | 'submitted' | 'correction' | 'filing' | null;
  origin_checking_until: string | null;
  held_request: string | null;
  filed_as: 'continued_use' | null;
  by_post: Generated<boolean>;
}

export interface TransferConsentTable {
  transfer_id: string;
  position: 'first' | 'second';
  text_version: string;
  method: 'session' | 'counter' | 'wallet';
  evidence_sha256: string | null;
  certificate_kind: 'sd-jwt-vc' | 'paper' | 'typed';
  status_uri: string | null;
  status_index: number | null;
  certificate_hash: string | null;
  disclosed: Buffer | null;
  given_at: Date;
  superseded_at: Date | null;
}

export interface TransferHoldTable {
  id: string;
  registration_id: string;
  reason: 'dissolution_filed' | 'misuse_suspected' | 'data_under_correction' | 'identity_unclear';
  until_on: string;
  placed_by: string;
  placed_at: Date;
  ended_by: string | null;
  ended_at: Date | null;
  outcome: 'released' | 'declined' | null;
}

export interface TransferLetterTable {
  transfer_id: string;
  sent_on: string;
  sent_by: string;
  answer: 'confirmed' | 'denied' | 'no_record' | null;
  answered_on: string | null;
  document_number: string | null;
  letter_sha256: string | null;
  first_oath_date: string | null;
  first_authority: string | null;
  recorded_by: string | null;
  recorded_at: Date | null;
}

export interface TransferStepTable {
  transfer_id: string;
  number: number;
  step: string;
  at: Date;
}

export interface WalletIssuanceTable {
  id: string;
  offer_id: string;
  transaction_hash: Buffer | null;
  holder_jwk: ColumnType<unknown, string, string>;
  state: 'waiting' | 'approved' | 'denied' | 'issued';
  certificate_id: string | null;
  requested_at: Date;
  decided_by: string | null;
  notification_hash: Buffer | null;
  notified: 'credential_accepted' | 'credential_failure' | 'credential_deleted' | null;
}

export interface WalletOfferTable {
  id: string;
  reference_hash: Buffer;
  registration_id: string;
  epoch: number;
  position: 'first' | 'second';
  code_hash: Buffer;
  transaction_code_hash: Buffer;
  wrong_codes: Generated<number>;
  state: 'open' | 'redeemed' | 'burnt' | 'withdrawn';
  needs_approval: boolean;
  expires_at: Date;
  made_by: string;
  made_at: Date;
}

export interface WalletOnceTable {
  digest: Buffer;
  purpose: 'c_nonce' | 'dpop_nonce' | 'dpop_jti';
  expires_at: Date;
  used_at: Date | null;
}

export interface WalletTokenTable {
  token_hash: Buffer;
  offer_id: string;
  jkt: string | null;
  expires_at: Date;
}
