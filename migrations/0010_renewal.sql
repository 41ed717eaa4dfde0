-- Renewal of many certificates, and the proof of how long an oath has stood.
alter table certificate add column key_id text;
comment on column certificate.key_id is 'Which key signed it; null for those signed before this column was there';
alter table certificate drop constraint certificate_replace_reason_check;
alter table certificate add constraint certificate_replace_reason_check
  check (replace_reason in ('lost', 'damaged', 'changed', 'renewed'));
alter table certificate drop constraint certificate_revoke_reason_check;
alter table certificate add constraint certificate_revoke_reason_check check (revoke_reason in
  ('lost', 'damaged', 'changed', 'renewed', 'returned', 'misuse', 'registration_ended', 'continued_elsewhere'));

create table certificate_renewal (
  id uuid primary key,
  reason text not null check (reason in ('expiring', 'key_compromised')),
  expiring_before date,
  key_id text,
  total integer not null check (total >= 0),
  done integer not null default 0 check (done >= 0),
  started_by text not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  check ((reason = 'expiring') = (expiring_before is not null)),
  check ((reason = 'key_compromised') = (key_id is not null))
);
create index certificate_renewal_open on certificate_renewal (started_at) where finished_at is null;
create index certificate_issued_expiry on certificate (expires_on) where state = 'issued';
create index certificate_issued_key on certificate (key_id) where state = 'issued';
grant select, insert, update on certificate_renewal to chikai_app;

-- Signed by each authority that handed the registration on, oldest first; sealed JSON array of compact JWS.
alter table registration add column continuity bytea;
