-- Whether this authority may decide. A node that has forgotten committed work, a restored backup above all, decides
-- nothing before every other member has told it what it had signed. `generation` counts these times.
create table node_standing (
  single boolean primary key default true check (single),
  generation integer not null default 0 check (generation >= 0),
  -- tells one quarantine from another that a lost past began under the same number
  nonce text not null default '',
  cause text check (cause in ('restored', 'operator', 'proven_by_member', 'generation_known')),
  quarantined_at timestamptz,
  returned_at timestamptz,
  check ((quarantined_at is null) = (cause is null)),
  check (returned_at is null or quarantined_at is not null)
);
insert into node_standing default values;

-- Who has to answer in which quarantine. `fault`: the last answer could not be used, so the member has not answered.
create table quarantine_witness (
  generation integer not null check (generation >= 1),
  entity_id text not null,
  code text not null check (code ~ '^[0-9]{6}$'),
  cursor uuid,
  answered_at timestamptz,
  waived_at timestamptz,
  fault text check (fault ~ '^[a-z_]{1,64}$'),
  primary key (generation, entity_id)
);

-- To return without the answer of named members: proposed by one administrator, decided by another.
create table quarantine_waiver (
  id uuid primary key,
  generation integer not null,
  state text not null check (state in ('proposed', 'approved', 'declined')),
  codes jsonb not null,
  reason text not null check (reason in ('member_destroyed', 'member_unreachable', 'member_suspended', 'evidence_unusable')),
  proposed_by text not null,
  proposed_at timestamptz not null,
  decided_by text,
  decided_at timestamptz,
  check ((state = 'proposed') = (decided_by is null)),
  check ((decided_by is null) = (decided_at is null)),
  check (decided_by is null or decided_by <> proposed_by)
);

-- The highest generation seen of each other member: what it signed under a lower one is void.
create table peer_generation (
  entity_id text primary key,
  generation integer not null check (generation >= 0),
  nonce text not null default '',
  seen_at timestamptz not null
);

-- A registration that others prove to have been here and gone on, of which the restored database has no row.
create table custody_tombstone (
  registration_id uuid primary key,
  epoch integer not null check (epoch >= 1),
  state text not null check (state in ('released', 'closed')),
  transfer_id uuid not null
);

alter table inbox_message add column generation integer not null default 0;
comment on column inbox_message.generation is
  'Under which the sender signed it: after a restore the same step may say something else';

grant select, update on node_standing to chikai_app;
grant select, insert, update on quarantine_witness, quarantine_waiver, peer_generation, custody_tombstone to chikai_app;
grant update (content_hash, generation, result) on inbox_message to chikai_app;
