-- What a node remembers of the network's past, so that what was issued then can still be judged.

-- The anchor's signed history of its members, every version that was believed here. The version only grows.
create table member_history (
  version bigint primary key check (version > 0),
  token text not null,
  taken_at timestamptz not null
);

-- Keys of other authorities that have ended, as each tells in its signed history. A key that was given up stays so.
create table member_past_key (
  entity_id text not null,
  thumbprint text not null,
  purpose text not null check (purpose in ('certificate', 'message', 'federation')),
  jwk jsonb not null,
  ended_at timestamptz not null,
  -- null: it was only retired
  reason text check (reason in ('unspecified', 'compromised', 'superseded')),
  learned_at timestamptz not null,
  primary key (entity_id, thumbprint)
);

-- That a signed text was found good here, and when: dates it where its key is later in doubt. Keyed digest, no person.
create table sighting (
  tag bytea primary key check (length(tag) = 32),
  seen_at timestamptz not null
);

grant select, insert, update on member_history, member_past_key to chikai_app;
grant select, insert on sighting to chikai_app;
