-- Changes of the rule book: whole entries, in the form of src/registry/authorities.json, that replace those of the same
-- key. The book in force is the published one with every approved change laid over it in the order of `revision`.
create table rule_change (
  id uuid primary key,
  state text not null check (state in ('proposed', 'approved', 'rejected')),
  entries jsonb not null check (jsonb_typeof(entries) = 'object'),
  reason text not null check (length(reason) between 1 and 1000),
  -- what the simulation said when it was proposed
  simulation jsonb not null,
  proposed_by text not null,
  proposed_at timestamptz not null,
  -- the revision it was written against
  based_on integer not null check (based_on >= 0),
  decided_by text,
  decided_at timestamptz,
  revision integer unique check (revision >= 1),
  check ((state = 'proposed') = (decided_by is null)),
  check ((decided_by is null) = (decided_at is null)),
  check ((state = 'approved') = (revision is not null)),
  -- four eyes
  check (decided_by is null or decided_by <> proposed_by)
);
create index rule_change_proposed_at on rule_change (proposed_at desc);
grant select, insert, update on rule_change to chikai_app;
grant select on rule_change to chikai_auditor;
