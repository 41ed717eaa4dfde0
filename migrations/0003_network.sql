-- What this node believes of the others: trust chains and status lists as it received them, signatures included.
create table member (
  entity_id text primary key,
  code text not null check (code ~ '^[0-9]{6}$'),
  statements jsonb not null,
  verified_at timestamptz not null,
  expires_at timestamptz not null,
  -- periods of agreement once proven, [{from, until?}] in epoch seconds: certificates issued in them stay verifiable
  memberships jsonb not null default '[]'
);
create table member_status_list (
  uri text primary key,
  entity_id text not null references member (entity_id),
  token text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  fetched_at timestamptz not null
);

-- A message that is to reach a peer. Identity is (transfer, step, sender); the content never changes, the envelope is new each time.
create table outbox_message (
  mid text primary key,
  transfer_id uuid not null,
  step text not null,
  destination text not null,
  content jsonb not null,
  -- personal payload and its salt, sealed with the key of its subject; gone once the peer has confirmed
  payload bytea,
  payload_subject_kind text,
  payload_subject_id uuid,
  payload_epoch integer,
  created_at timestamptz not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  delivered_at timestamptz,
  check ((payload is null) or (payload_subject_kind is not null and payload_subject_id is not null and payload_epoch is not null))
);
create index outbox_waiting on outbox_message (next_attempt_at) where delivered_at is null;

create table inbox_message (
  mid text primary key,
  transfer_id uuid not null,
  step text not null,
  sender text not null,
  content_hash text not null,
  received_at timestamptz not null,
  result text not null
);

-- Exact bytes of what was signed, kept for ever; personal data stand in them only as a salted hash.
create table message_evidence (
  id uuid primary key,
  mid text not null,
  transfer_id uuid not null,
  direction text not null check (direction in ('sent', 'received')),
  jws text not null,
  receipt text,
  at timestamptz not null
);
create index message_evidence_transfer on message_evidence (transfer_id);

grant select, insert, update on member, member_status_list, outbox_message to chikai_app;
grant select, insert on inbox_message, message_evidence to chikai_app;
