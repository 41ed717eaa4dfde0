-- A small register to try the database plumbing on.
create table oath (
  id uuid primary key,
  number text not null constraint oath_number_key unique,
  state text not null check (state in ('active', 'ended')),
  position smallint not null default 1 check (position in (1, 2)),
  sworn_on date not null,
  days date[] not null default '{}',
  at timestamptz not null default now(),
  epoch bigint not null default 1,
  epochs bigint[] not null default '{}',
  seal bytea,
  facts jsonb,
  amount numeric(10, 2),
  sequence bigint generated always as identity,
  kind text check (kind in ('it''s', 'a\b'))
);
grant select, insert, update on oath to chikai_app;
grant select on oath to chikai_auditor;
grant select, delete on oath to chikai_eraser;
