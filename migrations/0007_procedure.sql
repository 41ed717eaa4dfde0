-- What a couple or the office files about an oath: the oath itself, a change, a new certificate, an end.
create table procedure (
  id uuid primary key,
  kind text not null check (kind in ('oath', 'residence_proof', 'change', 'reissue', 'return', 'dissolution', 'death',
    'moved_out', 'requirement_lost', 'revocation', 'erroneous_entry', 'certificate_of_fact')),
  state text not null check (state in ('draft', 'submitted', 'correction', 'done', 'withdrawn', 'declined', 'expired')),
  -- an oath has none until it is registered
  registration_id uuid,
  epoch integer,
  filed_by text not null check (filed_by in ('first', 'second', 'both', 'office')),
  form_version text not null,
  -- sealed with the procedure's data key; a draft is kept whatever it still lacks
  content bytea,
  appointment_on date,
  appointment_at text check (appointment_at ~ '^[0-2][0-9]:[0-5][0-9]$'),
  due_on date,
  reasons jsonb not null default '[]',
  -- rules that are not publicly known and that the carrying out rested on
  to_confirm jsonb not null default '[]',
  opened_by text not null,
  opened_at timestamptz not null,
  changed_at timestamptz not null,
  decided_by text,
  check ((registration_id is null) = (epoch is null)),
  check (kind = 'oath' or registration_id is not null),
  check ((appointment_on is null) = (appointment_at is null)),
  check (state <> 'done' or decided_by is not null),
  foreign key (registration_id, epoch) references registration (id, epoch)
);
create index procedure_open on procedure (due_on) where state in ('draft', 'submitted', 'correction');
create index procedure_registration on procedure (registration_id) where registration_id is not null;
-- One slot, one couple.
create unique index procedure_appointment on procedure (appointment_on, appointment_at)
  where appointment_on is not null and state in ('draft', 'submitted', 'correction');
create index procedure_changed on procedure (changed_at desc);

create table procedure_step (
  procedure_id uuid not null references procedure (id),
  number integer not null check (number >= 1),
  step text not null,
  at timestamptz not null,
  primary key (procedure_id, number)
);

create table procedure_signature (
  procedure_id uuid not null references procedure (id),
  position text not null check (position in ('first', 'second')),
  method text not null check (method in ('session', 'counter')),
  evidence_sha256 text check (evidence_sha256 ~ '^[0-9a-f]{64}$'),
  -- digest of the content that was signed: a later change asks for a new signature
  content_hash bytea not null check (length(content_hash) = 32),
  signed_at timestamptz not null,
  superseded_at timestamptz,
  primary key (procedure_id, position, signed_at),
  check ((method = 'counter') = (evidence_sha256 is not null))
);
create unique index procedure_signature_living on procedure_signature (procedure_id, position) where superseded_at is null;

grant select, insert, update on procedure, procedure_signature to chikai_app;
grant select, insert on procedure_step to chikai_app;

alter table data_key drop constraint data_key_subject_kind_check;
alter table data_key add constraint data_key_subject_kind_check
  check (subject_kind in ('registration', 'transfer', 'procedure', 'import'));
alter table login_code drop constraint login_code_record_kind_check;
alter table login_code add constraint login_code_record_kind_check
  check (record_kind in ('registration', 'transfer', 'procedure'));
alter table audit_event drop constraint audit_event_record_kind_check;
alter table audit_event add constraint audit_event_record_kind_check
  check (record_kind in ('registration', 'transfer', 'procedure', 'import', 'export', 'rule_change'));
