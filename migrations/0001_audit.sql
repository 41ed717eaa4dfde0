-- Roles are the cluster's, grants are this database's. `chikai_app` is what the process logs in as (by membership).
revoke all on schema public from public;
grant usage on schema public to chikai_app, chikai_auditor, chikai_eraser;

-- Who did what to which record and why. Append-only: no role may update or delete, and a trigger stops the owner too.
create table audit_event (
  sequence bigint generated always as identity primary key,
  at timestamptz not null,
  type text not null check (type ~ '^[a-z_]{3,60}$'),
  actor_kind text not null check (actor_kind in ('staff', 'partner', 'peer', 'public', 'system')),
  actor_role text,
  actor_subject text not null check (length(actor_subject) between 1 and 200),
  record_kind text check (record_kind in ('registration', 'transfer')),
  record_id uuid,
  position text check (position in ('first', 'second')),
  purpose text,
  outcome text not null check (outcome in ('done', 'refused')),
  -- both: each partner sees it; acting: only the partner who acted or is concerned; staff: neither
  visibility text not null check (visibility in ('both', 'acting', 'staff')),
  facts jsonb not null check (jsonb_typeof(facts) = 'object'),
  salt bytea not null check (length(salt) = 16),
  leaf_hash bytea not null check (length(leaf_hash) = 32),
  check ((record_kind is null) = (record_id is null))
);
create index audit_event_record on audit_event (record_id, sequence) where record_id is not null;
create index audit_event_actor on audit_event (actor_subject, sequence);
create index audit_event_type on audit_event (type, sequence);
create index audit_event_at on audit_event (at);
comment on table audit_event is 'Append-only log; leaf_hash = SHA-256(0x00 || salt || canonical event), RFC 9162 section 2.1';

-- The tree head over leaves 0 .. tree_size-1, signed. A leaf's place is the order in which it was sealed.
create table audit_leaf (
  leaf_index bigint primary key check (leaf_index >= 0),
  sequence bigint not null unique references audit_event (sequence)
);
create table audit_checkpoint (
  tree_size bigint primary key check (tree_size > 0),
  root_hash bytea not null check (length(root_hash) = 32),
  -- roots of the perfect subtrees from left to right: enough to go on without reading the leaves again
  peaks bytea not null check (length(peaks) % 32 = 0),
  sealed_at timestamptz not null,
  token text not null
);
comment on table audit_checkpoint is 'Signed tree heads; a later one always contains the earlier ones';

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'this table is append-only' using errcode = 'restrict_violation';
end $$;
create trigger audit_event_append_only before update or delete or truncate on audit_event
  for each statement execute function refuse_change();
create trigger audit_leaf_append_only before update or delete or truncate on audit_leaf
  for each statement execute function refuse_change();
create trigger audit_checkpoint_append_only before update or delete or truncate on audit_checkpoint
  for each statement execute function refuse_change();

grant select, insert on audit_event, audit_leaf, audit_checkpoint to chikai_app;
grant select on audit_event, audit_leaf, audit_checkpoint to chikai_auditor;

-- A command's first answer, so that the same command said twice is carried out once. Answers hold no personal data.
create table command (
  actor_subject text not null,
  idempotency_key text not null,
  operation_id text not null,
  request_hash bytea not null check (length(request_hash) = 32),
  status smallint not null,
  answer jsonb not null,
  at timestamptz not null,
  primary key (actor_subject, idempotency_key)
);
grant select, insert on command to chikai_app;
