-- An oath may be sworn before the move; until the new address is shown by the due date the registration is in force and pending.
alter table registration
  add column residence_due_on date,
  add column residence_proven_on date,
  -- keyed digest of the number under which an imported register knew this couple: the same row again is the same couple
  add column source_key bytea unique check (length(source_key) = 16),
  add check (residence_proven_on is null or residence_due_on is not null);
create index registration_residence_due on registration (residence_due_on)
  where residence_due_on is not null and residence_proven_on is null;

alter table registration_partner
  -- nothing about this partner is shown to the other one
  add column protected boolean not null default false,
  -- how and when this partner may be reached; sealed
  add column contact bytea,
  -- number of the certificate that an imported register had issued; sealed
  add column kept_number bytea;

-- Children and parents whom a familyship scheme names; each entry is one sealed JSON text.
create table registration_family (
  registration_id uuid not null,
  epoch integer not null,
  number smallint not null check (number between 1 and 20),
  member bytea not null,
  removed_at timestamptz,
  primary key (registration_id, epoch, number),
  foreign key (registration_id, epoch) references registration (id, epoch)
);

-- What a partner's record said before a change; sealed, and readable as long as the registration's data key is.
create table partner_history (
  id uuid primary key,
  registration_id uuid not null,
  epoch integer not null,
  position text not null check (position in ('first', 'second')),
  replaced_at timestamptz not null,
  record bytea not null,
  foreign key (registration_id, epoch, position) references registration_partner (registration_id, epoch, position)
);
create index partner_history_of on partner_history (registration_id, epoch, position);

-- Two people may share kana and birth date. Whoever is confirmed to be another person takes the next number.
alter table partner_index
  add column homonym smallint not null default 0 check (homonym >= 0),
  -- pseudorandom tag by which other members' blinded questions are answered (RFC 9497); made after the commit
  add column blinded_tag bytea check (length(blinded_tag) = 8);
drop index partner_index_one_living;
create unique index partner_index_one_living on partner_index (blind_index, homonym) where live;
create index partner_index_untagged on partner_index (registration_id) where live and blinded_tag is null;

-- Keyed blind indexes by which a clerk finds a person: reading, name and alias, each with the birth date, folded.
create table partner_search (
  registration_id uuid not null,
  epoch integer not null,
  position text not null check (position in ('first', 'second')),
  kind text not null check (kind in ('kana', 'name', 'alias')),
  blind_index bytea not null check (length(blind_index) = 16),
  primary key (registration_id, epoch, position, kind),
  foreign key (registration_id, epoch, position) references registration_partner (registration_id, epoch, position)
);
create index partner_search_by on partner_search (blind_index);

-- The blinded indexes of other members as last fetched: whole lists, so that nobody learns who is looked for.
create table member_blinded_index (
  entity_id text primary key,
  tags bytea not null check (length(tags) % 8 = 0),
  version text not null,
  fetched_at timestamptz not null
);

grant select, insert, update on registration_family, partner_search, member_blinded_index to chikai_app;
grant select, insert on partner_history to chikai_app;

-- A certificate that replaces another one becomes good in the same moment in which the other one ends.
alter table certificate
  add column replaces uuid references certificate (id),
  add column replace_reason text check (replace_reason in ('lost', 'damaged', 'changed')),
  add column surrendered_on date,
  add check ((replaces is null) = (replace_reason is null));
drop index certificate_one_living;
create unique index certificate_one_issued on certificate (registration_id, epoch, position) where state = 'issued';
create unique index certificate_one_intended on certificate (registration_id, epoch, position) where state = 'intended';
alter table certificate drop constraint certificate_revoke_reason_check;
alter table certificate add constraint certificate_revoke_reason_check check (revoke_reason in
  ('lost', 'damaged', 'changed', 'returned', 'misuse', 'registration_ended', 'continued_elsewhere'));
