-- One row per registration and epoch. The id is random and goes with the couple from authority to authority;
-- the epoch grows by one with every hand-over, so that the holder always has the highest.
create table registration (
  id uuid not null,
  epoch integer not null check (epoch >= 1),
  state text not null check (state in ('staged', 'received', 'active', 'offered', 'released', 'closed', 'ended', 'abandoned')),
  oath_date date not null,
  first_oath_date date not null,
  first_authority text not null check (first_authority ~ '^[0-9]{6}$'),
  registered_at timestamptz not null,
  -- the transfer that holds the lock (offered, released) or that ended it (closed); the one that brought it (staged)
  transfer_id uuid,
  ended_on date,
  end_reason text check (end_reason in
    ('dissolution', 'death', 'moved_out', 'requirement_lost', 'false_statement', 'misuse', 'erroneous_entry')),
  -- what both declared about the couple, sealed with the data key
  declarations bytea,
  primary key (id, epoch),
  check (first_oath_date <= oath_date),
  check ((state = 'ended') = (end_reason is not null)),
  check ((state = 'ended') = (ended_on is not null)),
  check (state not in ('offered', 'released', 'closed', 'staged', 'received') or transfer_id is not null)
);
comment on column registration.state is
  'staged: incoming and invisible; received: held here, own certificates not yet issued; offered, released: being handed over and still vouched for; closed: continued elsewhere; abandoned: staged, then cancelled';
-- Invariant I1 within this authority: at most one row in which it may change or issue. A released row may stand beside
-- a newer one, because a couple can come back before the last message of their leaving has.
create unique index registration_one_held on registration (id) where state in ('received', 'active', 'offered');
create unique index registration_one_staged on registration (id) where state = 'staged';
create index registration_transfer on registration (transfer_id) where transfer_id is not null;

create table registration_partner (
  registration_id uuid not null,
  epoch integer not null,
  position text not null check (position in ('first', 'second')),
  -- sealed with the registration's data key, bound to authority, registration, column and epoch
  registered_name bytea not null,
  kana bytea not null,
  alias bytea,
  alias_display text check (alias_display in ('alias_only', 'alias_with_registered_name')),
  birth_date bytea not null,
  residence bytea not null,
  primary key (registration_id, epoch, position),
  foreign key (registration_id, epoch) references registration (id, epoch),
  check ((alias is null) = (alias_display is null))
);

-- The data key of each registration, wrapped. Kept in a table of its own so that it can be backed up apart and destroyed.
create table data_key (
  subject_kind text not null check (subject_kind in ('registration', 'transfer')),
  subject_id uuid not null,
  epoch integer not null,
  wrapped_key bytea,
  destroyed_at timestamptz,
  primary key (subject_kind, subject_id, epoch),
  check ((wrapped_key is null) = (destroyed_at is not null))
);
comment on table data_key is 'A destroyed key makes the sealed columns unreadable for ever';

-- Keyed blind index of kana and birth date: finds a second oath without storing either.
create table partner_index (
  registration_id uuid not null,
  epoch integer not null,
  position text not null check (position in ('first', 'second')),
  blind_index bytea not null check (length(blind_index) = 16),
  live boolean not null,
  primary key (registration_id, epoch, position),
  foreign key (registration_id, epoch, position) references registration_partner (registration_id, epoch, position)
);
create unique index partner_index_one_living on partner_index (blind_index) where live;

create table status_list (
  list_id integer primary key check (list_id >= 1),
  size integer not null check (size % 8 = 0),
  bits bytea not null,
  version bigint not null default 1,
  -- the list as last signed, and for which version
  signed_version bigint,
  signed_token text,
  signed_at timestamptz,
  check (length(bits) * 8 = size)
);

create table certificate (
  id uuid primary key,
  registration_id uuid not null,
  epoch integer not null,
  position text not null check (position in ('first', 'second')),
  state text not null check (state in ('intended', 'issued', 'revoked', 'abandoned')),
  list_id integer not null references status_list (list_id),
  status_index integer not null check (status_index >= 0),
  -- written before the signer is called: there is never a signed certificate that nobody knows of
  intended_at timestamptz not null,
  issued_on date not null,
  expires_on date not null,
  issued_at timestamptz,
  -- sealed: certificate number, SD-JWT VC with all disclosures, paper token
  number bytea not null,
  sd_jwt_vc bytea,
  paper_token bytea,
  -- SHA-256 of the issuer-signed JWT and of the paper token: how a presented certificate is found again
  sd_jwt_hash bytea,
  paper_hash bytea,
  revoked_at timestamptz,
  revoke_reason text check (revoke_reason in
    ('lost', 'damaged', 'returned', 'misuse', 'registration_ended', 'continued_elsewhere')),
  foreign key (registration_id, epoch) references registration (id, epoch),
  unique (list_id, status_index),
  check (expires_on > issued_on),
  check (state = 'intended' or state = 'abandoned' or (sd_jwt_vc is not null and paper_token is not null and issued_at is not null)),
  check ((state = 'revoked') = (revoked_at is not null)),
  check ((state = 'revoked') = (revoke_reason is not null))
);
comment on constraint certificate_list_id_status_index_key on certificate is
  'A status index is never used twice (Token Status List, privacy considerations)';
create unique index certificate_one_living on certificate (registration_id, epoch, position)
  where state in ('intended', 'issued');

create table login_code (
  code_hash bytea primary key check (length(code_hash) = 32),
  record_kind text not null check (record_kind in ('registration', 'transfer')),
  record_id uuid not null,
  position text not null check (position in ('first', 'second')),
  expires_at timestamptz not null,
  used_at timestamptz
);

create index login_code_record on login_code (record_id, position) where used_at is null;

grant select, insert, update on registration, registration_partner, data_key, partner_index,
  status_list, certificate, login_code to chikai_app;
