-- A registration moving house. The people's case and the protocol's state stand side by side; the reducer owns `protocol`.
create table transfer (
  id uuid primary key,
  side text not null check (side in ('origin', 'destination')),
  state text not null check (state in (
    'draft', 'submitted', 'correction', 'consented', 'requested', 'staged', 'activated', 'completed',
    'withdrawn', 'declined', 'consent_refused', 'refused_by_origin', 'offered', 'released', 'cancelled')),
  peer_entity text not null,
  peer_code text not null check (peer_code ~ '^[0-9]{6}$'),
  registration_id uuid,
  epoch integer,
  protocol jsonb,
  -- the application, sealed with the transfer's data key
  application bytea,
  reasons jsonb not null default '[]',
  unmet jsonb not null default '[]',
  opened_by text not null,
  opened_at timestamptz not null,
  changed_at timestamptz not null,
  check (side = 'destination' or state in ('offered', 'released', 'completed', 'cancelled')),
  check (side = 'origin' or state not in ('offered', 'released', 'cancelled'))
);
create index transfer_registration on transfer (registration_id) where registration_id is not null;
create index transfer_open on transfer (opened_at desc);
comment on column transfer.registration_id is 'Known to the destination only from the offer on';

create table transfer_step (
  transfer_id uuid not null references transfer (id),
  number integer not null check (number >= 1),
  step text not null,
  at timestamptz not null,
  primary key (transfer_id, number)
);

create table transfer_consent (
  transfer_id uuid not null references transfer (id),
  position text not null check (position in ('first', 'second')),
  text_version text not null,
  method text not null check (method in ('session', 'counter')),
  evidence_sha256 text check (evidence_sha256 ~ '^[0-9a-f]{64}$'),
  -- which certificate was presented: list, index and digest, as the origin will look it up
  certificate_kind text not null check (certificate_kind in ('sd-jwt-vc', 'paper')),
  status_uri text not null,
  status_index integer not null,
  certificate_hash text not null,
  -- what the certificate disclosed, sealed with the transfer's data key; compared with the offer
  disclosed bytea,
  given_at timestamptz not null,
  superseded_at timestamptz
);
create unique index transfer_consent_living on transfer_consent (transfer_id, position) where superseded_at is null;

grant select, insert, update on transfer, transfer_consent to chikai_app;
grant select, insert on transfer_step to chikai_app;
