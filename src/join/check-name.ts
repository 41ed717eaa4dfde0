/** Every check, in the order in which it is told. */
export const CHECK_NAMES = [
  ...(['settings', 'keys', 'keys_private', 'x5c'] as const),
  ...(['database_reachable', 'database_version', 'database_roles', 'database_no_delete'] as const),
  ...(['database_schema', 'database_clock', 'database_zone', 'database_durable', 'database_backup'] as const),
  ...(['address_reachable', 'address_https', 'address_itself', 'clock_here', 'clock_node'] as const),
  ...(['live', 'documents', 'pages', 'body_limit', 'half_open', 'request_slow'] as const),
  ...(['configuration', 'anchor', 'statement', 'chain', 'trust_mark', 'listed', 'history', 'ready'] as const),
  ...(['status_list', 'status_etag', 'status_forged'] as const),
  ...(['message_stranger', 'message_oversized', 'message_receipt', 'message_replay'] as const),
  ...(['message_changed', 'message_audience', 'message_type', 'message_key', 'message_unsigned'] as const),
  ...(['message_forged', 'message_expired', 'message_future', 'message_lifetime'] as const),
  ...([
    'verdict_unknown',
    'rehearsal',
    'neighbour_known',
    'neighbour_redirecting',
    'neighbour_silent',
  ] as const),
  ...([
    'neighbour_other_key',
    'neighbour_ahead',
    'verdict_good',
    'verdict_forged',
    'verdict_expired',
  ] as const),
  ...(['verdict_revoked', 'log_private'] as const),
] as const;

export type CheckName = (typeof CHECK_NAMES)[number];

/** Steps of joining after which a check can be made. */
export type StepCode = 'anchor_adds' | 'agreement_begins' | 'node_notices';

/** Why something was not tested. */
export type ReasonCode =
  | 'no_settings'
  | 'no_answer'
  | 'no_database'
  | 'no_certificates'
  | 'on_loopback'
  | 'nobody_to_ask'
  | 'quick'
  | 'not_testable_here';

export type FaultCode =
  | 'check_broken'
  | 'settings_faulty'
  | 'keys_faulty'
  | 'keys_incomplete'
  | 'keys_of_anchor'
  | 'file_open'
  | 'x5c_expired'
  | 'x5c_ending'
  | 'database_away'
  | 'database_old'
  | 'role_too_strong'
  | 'role_may_delete'
  | 'schema_unfit'
  | 'database_clock_off'
  | 'database_zone_odd'
  | 'database_not_durable'
  | 'address_unreachable'
  | 'address_redirects'
  | 'address_status'
  | 'tls_ending'
  | 'configuration_foreign'
  | 'configuration_other_key'
  | 'configuration_other_certificate_key'
  | 'configuration_refused'
  | 'configuration_other_superior'
  | 'clock_off'
  | 'node_clock_off'
  | 'not_live'
  | 'not_ready'
  | 'document_missing'
  | 'body_unlimited'
  | 'half_open_blocks'
  | 'slow_kept'
  | 'anchor_unreachable'
  | 'anchor_other_key'
  | 'anchor_refused'
  | 'statement_other_key'
  | 'statement_refused'
  | 'chain_refused'
  | 'mark_refused'
  | 'agreement_over'
  | 'not_listed'
  | 'history_missing'
  | 'status_list_missing'
  | 'status_list_refused'
  | 'etag_missing'
  | 'etag_ignored'
  | 'push_taken'
  | 'message_taken'
  | 'message_refused_otherwise'
  | 'receipt_missing'
  | 'receipt_refused'
  | 'replay_answered_otherwise'
  | 'verdict_wrong'
  | 'rehearsal_impossible'
  | 'neighbour_unknown'
  | 'neighbour_believed'
  | 'redirect_followed'
  | 'log_tells'
  | 'log_malformed';
