import type { Database } from '../db/schema.generated.ts';
import type { JsonValue } from '../kernel/strict-json.ts';
import type { KeySubject } from '../registry/vault.ts';

/** PostgreSQL's name of a column's type; `sealed` is a `bytea` whose text only a data key opens. */
export type ColumnType =
  | 'bigint'
  | 'boolean'
  | 'bytea'
  | 'date'
  | 'integer'
  | 'jsonb'
  | 'sealed'
  | 'smallint'
  | 'text'
  | 'timestamptz'
  | 'uuid';

/** A row as it stands in the file: column name to value. */
export type Row = { readonly [column: string]: JsonValue };

export type TableName = keyof Database & string;

/** How one table goes out and comes back. */
export type TablePlan = {
  readonly table: TableName;
  /** In the order of the file. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** What the rows are sorted by, so that one register always gives one file. */
  readonly key: readonly string[];
  readonly sealed?: SealedColumns;
  /** Columns that do not travel, because the new node makes them itself, and why. */
  readonly anew: Readonly<Record<string, string>>;
  /** Rows read at once; fewer where a single one may be large. */
  readonly rowsAtOnce: number;
};

/** Whose data key seals a row, and the column name that the seal is bound to. */
export type SealedColumns = {
  readonly subject: (row: Row) => KeySubject;
  readonly place: (column: string, row: Row) => string;
};

type ColumnOf<Table extends TableName> = keyof Database[Table] & string;

type Description<Table extends TableName, Anew extends ColumnOf<Table>> = {
  readonly columns: { readonly [Column in Exclude<ColumnOf<Table>, Anew>]: ColumnType };
  readonly key: readonly NoInfer<ColumnOf<Table>>[];
  readonly sealed?: SealedColumns;
  readonly anew?: { readonly [Column in Anew]: string };
  readonly rowsAtOnce?: number;
};

const ROWS_AT_ONCE = 200;

/** A column that is neither listed nor made anew does not compile; the test asks the database the same. */
function plan<Table extends TableName, Anew extends ColumnOf<Table> = never>(
  table: Table,
  { columns, key, sealed, anew, rowsAtOnce = ROWS_AT_ONCE }: Description<Table, Anew>,
): TablePlan {
  return { table, columns, key, ...(sealed ? { sealed } : {}), anew: { ...anew }, rowsAtOnce };
}

const text = (value: JsonValue | undefined): string => String(value);
const subjectOf =
  (kind: KeySubject['kind'], idColumn: string, epochColumn?: string) =>
  (row: Row): KeySubject => ({
    kind,
    id: text(row[idColumn]),
    epoch: epochColumn === undefined ? 0 : Number(row[epochColumn]),
  });
const ofRegistration = subjectOf('registration', 'registration_id', 'epoch');
const underItsName = (column: string): string => column;

const OF_PARTNER = {
  registration_id: 'uuid',
  epoch: 'integer',
  position: 'text',
} as const;

/** Everything that is exported, in the order in which it can be restored: what is referred to comes first. */
export const TABLES: readonly TablePlan[] = [
  plan('data_key', {
    columns: { subject_kind: 'text', subject_id: 'uuid', epoch: 'integer', destroyed_at: 'timestamptz' },
    key: ['subject_kind', 'subject_id', 'epoch'],
    anew: { wrapped_key: 'keys stay where they are; what was destroyed stays destroyed' },
  }),
  plan('rule_change', {
    columns: {
      id: 'uuid',
      state: 'text',
      entries: 'jsonb',
      reason: 'text',
      simulation: 'jsonb',
      proposed_by: 'text',
      proposed_at: 'timestamptz',
      based_on: 'integer',
      decided_by: 'text',
      decided_at: 'timestamptz',
      revision: 'integer',
    },
    key: ['id'],
  }),
  plan('registration', {
    columns: {
      id: 'uuid',
      epoch: 'integer',
      state: 'text',
      oath_date: 'date',
      first_oath_date: 'date',
      first_authority: 'text',
      registered_at: 'timestamptz',
      transfer_id: 'uuid',
      ended_on: 'date',
      end_reason: 'text',
      declarations: 'sealed',
      residence_due_on: 'date',
      residence_proven_on: 'date',
      source_key: 'bytea',
      continuity: 'sealed',
    },
    key: ['id', 'epoch'],
    sealed: { subject: subjectOf('registration', 'id', 'epoch'), place: underItsName },
  }),
  plan('registration_partner', {
    columns: {
      ...OF_PARTNER,
      registered_name: 'sealed',
      kana: 'sealed',
      alias: 'sealed',
      alias_display: 'text',
      birth_date: 'sealed',
      residence: 'sealed',
      protected: 'boolean',
      contact: 'sealed',
      kept_number: 'sealed',
    },
    key: ['registration_id', 'epoch', 'position'],
    sealed: { subject: ofRegistration, place: (column, row) => `${row.position}.${column}` },
  }),
  plan('registration_family', {
    columns: {
      registration_id: 'uuid',
      epoch: 'integer',
      number: 'smallint',
      member: 'sealed',
      removed_at: 'timestamptz',
    },
    key: ['registration_id', 'epoch', 'number'],
    sealed: { subject: ofRegistration, place: (_column, row) => `family.${row.number}` },
  }),
  plan('partner_history', {
    columns: {
      id: 'uuid',
      ...OF_PARTNER,
      replaced_at: 'timestamptz',
      record: 'sealed',
      voided_at: 'timestamptz',
    },
    key: ['id'],
    sealed: { subject: ofRegistration, place: (_column, row) => `partner_history.${row.id}` },
  }),
  plan('partner_index', {
    columns: { ...OF_PARTNER, live: 'boolean', homonym: 'smallint' },
    key: ['registration_id', 'epoch', 'position'],
    anew: {
      blind_index: "computed from reading and birth date under the new node's key",
      blinded_tag: "made by the new node's background work under its own key",
    },
  }),
  plan('status_list', {
    columns: { list_id: 'integer', size: 'integer', bits: 'bytea', version: 'bigint' },
    key: ['list_id'],
    anew: {
      signed_version: 'the new node signs the list itself',
      signed_token: 'the new node signs the list itself',
      signed_at: 'the new node signs the list itself',
    },
  }),
  plan('certificate', {
    columns: {
      id: 'uuid',
      registration_id: 'uuid',
      epoch: 'integer',
      position: 'text',
      state: 'text',
      list_id: 'integer',
      status_index: 'integer',
      intended_at: 'timestamptz',
      issued_on: 'date',
      expires_on: 'date',
      issued_at: 'timestamptz',
      number: 'sealed',
      sd_jwt_vc: 'sealed',
      paper_token: 'sealed',
      sd_jwt_hash: 'bytea',
      paper_hash: 'bytea',
      revoked_at: 'timestamptz',
      revoke_reason: 'text',
      replaces: 'uuid',
      replace_reason: 'text',
      surrendered_on: 'date',
      form: 'text',
      holder_jwk: 'jsonb',
      key_id: 'text',
    },
    key: ['id'],
    sealed: { subject: ofRegistration, place: (column, row) => `certificate.${row.id}.${column}` },
  }),
  plan('certificate_renewal', {
    columns: {
      id: 'uuid',
      reason: 'text',
      expiring_before: 'date',
      key_id: 'text',
      total: 'integer',
      done: 'integer',
      started_by: 'text',
      started_at: 'timestamptz',
      finished_at: 'timestamptz',
    },
    key: ['id'],
  }),
  plan('transfer', {
    columns: {
      id: 'uuid',
      side: 'text',
      state: 'text',
      peer_entity: 'text',
      peer_code: 'text',
      registration_id: 'uuid',
      epoch: 'integer',
      protocol: 'jsonb',
      application: 'sealed',
      draft: 'sealed',
      reasons: 'jsonb',
      corrections: 'jsonb',
      unmet: 'jsonb',
      reopen_until: 'date',
      expired_from: 'text',
      origin_checking_until: 'date',
      held_request: 'text',
      filed_as: 'text',
      by_post: 'boolean',
      opened_by: 'text',
      opened_at: 'timestamptz',
      changed_at: 'timestamptz',
    },
    key: ['id'],
    sealed: { subject: subjectOf('transfer', 'id'), place: underItsName },
  }),
  plan('transfer_letter', {
    columns: {
      transfer_id: 'uuid',
      sent_on: 'date',
      sent_by: 'text',
      answer: 'text',
      answered_on: 'date',
      document_number: 'text',
      letter_sha256: 'text',
      first_oath_date: 'date',
      first_authority: 'text',
      recorded_by: 'text',
      recorded_at: 'timestamptz',
    },
    key: ['transfer_id'],
  }),
  plan('transfer_hold', {
    columns: {
      id: 'uuid',
      registration_id: 'uuid',
      reason: 'text',
      until_on: 'date',
      placed_by: 'text',
      placed_at: 'timestamptz',
      ended_by: 'text',
      ended_at: 'timestamptz',
      outcome: 'text',
    },
    key: ['id'],
  }),
  plan('transfer_step', {
    columns: { transfer_id: 'uuid', number: 'integer', step: 'text', at: 'timestamptz' },
    key: ['transfer_id', 'number'],
  }),
  plan('transfer_consent', {
    columns: {
      transfer_id: 'uuid',
      position: 'text',
      text_version: 'text',
      method: 'text',
      evidence_sha256: 'text',
      certificate_kind: 'text',
      status_uri: 'text',
      status_index: 'integer',
      certificate_hash: 'text',
      disclosed: 'sealed',
      given_at: 'timestamptz',
      superseded_at: 'timestamptz',
    },
    // The table has no key of its own: a superseded consent may be given again.
    key: ['transfer_id', 'position', 'given_at', 'superseded_at', 'certificate_hash'],
    sealed: {
      subject: subjectOf('transfer', 'transfer_id'),
      place: (_column, row) => `disclosed.${row.position}`,
    },
  }),
  plan('outbox_message', {
    columns: {
      mid: 'text',
      transfer_id: 'uuid',
      step: 'text',
      destination: 'text',
      content: 'jsonb',
      payload: 'sealed',
      payload_subject_kind: 'text',
      payload_subject_id: 'uuid',
      payload_epoch: 'integer',
      created_at: 'timestamptz',
      attempts: 'integer',
      next_attempt_at: 'timestamptz',
      delivered_at: 'timestamptz',
    },
    key: ['mid'],
    sealed: {
      subject: (row) => ({
        kind: text(row.payload_subject_kind) as KeySubject['kind'],
        id: text(row.payload_subject_id),
        epoch: Number(row.payload_epoch),
      }),
      place: (_column, row) => `outbox.${row.step}`,
    },
  }),
  plan('inbox_message', {
    columns: {
      mid: 'text',
      transfer_id: 'uuid',
      step: 'text',
      sender: 'text',
      content_hash: 'text',
      received_at: 'timestamptz',
      result: 'text',
      generation: 'integer',
    },
    key: ['mid'],
  }),
  plan('message_evidence', {
    columns: {
      id: 'uuid',
      mid: 'text',
      transfer_id: 'uuid',
      direction: 'text',
      jws: 'text',
      receipt: 'text',
      at: 'timestamptz',
    },
    key: ['id'],
  }),
  plan('peer_generation', {
    columns: { entity_id: 'text', generation: 'integer', nonce: 'text', seen_at: 'timestamptz' },
    key: ['entity_id'],
  }),
  plan('custody_tombstone', {
    columns: { registration_id: 'uuid', epoch: 'integer', state: 'text', transfer_id: 'uuid' },
    key: ['registration_id'],
  }),
  plan('procedure', {
    columns: {
      id: 'uuid',
      kind: 'text',
      state: 'text',
      registration_id: 'uuid',
      epoch: 'integer',
      filed_by: 'text',
      form_version: 'text',
      content: 'sealed',
      appointment_on: 'date',
      appointment_at: 'text',
      due_on: 'date',
      reasons: 'jsonb',
      to_confirm: 'jsonb',
      opened_by: 'text',
      opened_at: 'timestamptz',
      changed_at: 'timestamptz',
      decided_by: 'text',
      eased_by: 'jsonb',
    },
    key: ['id'],
    sealed: { subject: subjectOf('procedure', 'id'), place: underItsName },
  }),
  plan('procedure_step', {
    columns: { procedure_id: 'uuid', number: 'integer', step: 'text', at: 'timestamptz' },
    key: ['procedure_id', 'number'],
  }),
  plan('procedure_signature', {
    columns: {
      procedure_id: 'uuid',
      position: 'text',
      method: 'text',
      evidence_sha256: 'text',
      content_hash: 'bytea',
      signed_at: 'timestamptz',
      superseded_at: 'timestamptz',
    },
    key: ['procedure_id', 'position', 'signed_at'],
  }),
  plan('register_import', {
    columns: {
      id: 'uuid',
      state: 'text',
      format: 'text',
      encoding: 'text',
      file: 'sealed',
      row_count: 'integer',
      columns: 'sealed',
      mapping: 'jsonb',
      report: 'jsonb',
      uploaded_by: 'text',
      uploaded_at: 'timestamptz',
      committed_by: 'text',
      committed_at: 'timestamptz',
    },
    key: ['id'],
    sealed: { subject: subjectOf('import', 'id'), place: underItsName },
    // A file on its way in may have 32 MiB.
    rowsAtOnce: 1,
  }),
  plan('register_export', {
    columns: {
      id: 'uuid',
      reason: 'text',
      requested_by: 'text',
      requested_at: 'timestamptz',
      approved_by: 'text',
      approved_at: 'timestamptz',
      expires_at: 'timestamptz',
      downloads: 'integer',
    },
    key: ['id'],
  }),
  plan('member', {
    // Chains are fetched again, but the periods of agreement that a former member once proved cannot be.
    columns: {
      entity_id: 'text',
      code: 'text',
      statements: 'jsonb',
      verified_at: 'timestamptz',
      expires_at: 'timestamptz',
      memberships: 'jsonb',
    },
    key: ['entity_id'],
  }),
  plan('member_history', {
    // The version held is what refuses an older one.
    columns: { version: 'bigint', token: 'text', taken_at: 'timestamptz' },
    key: ['version'],
  }),
  plan('member_past_key', {
    columns: {
      entity_id: 'text',
      thumbprint: 'text',
      purpose: 'text',
      jwk: 'jsonb',
      ended_at: 'timestamptz',
      reason: 'text',
      learned_at: 'timestamptz',
    },
    key: ['entity_id', 'thumbprint'],
  }),
  plan('sighting', {
    // Found again only where the key of the blind index stays; without it a text in doubt is undetermined.
    columns: { tag: 'bytea', seen_at: 'timestamptz' },
    key: ['tag'],
  }),
  plan('command', {
    columns: {
      actor_subject: 'text',
      idempotency_key: 'text',
      operation_id: 'text',
      request_hash: 'bytea',
      status: 'smallint',
      answer: 'jsonb',
      at: 'timestamptz',
    },
    key: ['actor_subject', 'idempotency_key'],
  }),
  plan('audit_event', {
    columns: {
      sequence: 'bigint',
      at: 'timestamptz',
      type: 'text',
      actor_kind: 'text',
      actor_role: 'text',
      actor_subject: 'text',
      record_kind: 'text',
      record_id: 'uuid',
      position: 'text',
      purpose: 'text',
      outcome: 'text',
      visibility: 'text',
      facts: 'jsonb',
      salt: 'bytea',
      leaf_hash: 'bytea',
    },
    key: ['sequence'],
  }),
  plan('audit_leaf', { columns: { leaf_index: 'bigint', sequence: 'bigint' }, key: ['leaf_index'] }),
  plan('audit_checkpoint', {
    columns: {
      tree_size: 'bigint',
      root_hash: 'bytea',
      peaks: 'bytea',
      sealed_at: 'timestamptz',
      token: 'text',
    },
    key: ['tree_size'],
  }),
];

/** Tables that are not exported at all, and why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  login_code: 'secrets for one log-in that expire; the counter hands out new ones',
  partner_search: "computed from the partners under the new node's key",
  member_status_list: 'public; fetched again from each member',
  member_blinded_index: 'fetched again from each member',
  node_standing: 'a restored node enters a quarantine of its own',
  quarantine_witness: 'belongs to a quarantine that the restored node does not continue',
  quarantine_waiver:
    'belongs to a quarantine that the restored node does not continue; the log keeps who decided',
  presentation_request: 'questions to wallets that expire; what was answered belongs to whoever asked',
  wallet_offer: 'codes and secrets of half an hour; the counter makes a new offer',
  wallet_token: 'secrets that expire; a wallet that waits is offered its certificate anew',
  wallet_once: 'values that are good once, for minutes',
  wallet_issuance: 'what waits needs a token that is left out; what was issued stands in `certificate`',
  database_owner: 'the new node writes its own; the first line of the file says whose it is',
  schema_migration: "stands in the file's first line; the new node keeps its own",
};
