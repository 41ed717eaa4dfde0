-- An existing register on its way in: the file as it came, sealed, until it is taken over or discarded.
create table register_import (
  id uuid primary key,
  state text not null check (state in ('uploaded', 'checked', 'committed', 'discarded')),
  format text not null check (format in ('csv', 'xlsx')),
  encoding text check (encoding in ('utf-8', 'shift_jis')),
  -- null once committed or discarded: its data key is destroyed then
  file bytea,
  row_count integer not null check (row_count >= 0),
  columns bytea,
  mapping jsonb,
  -- counts and positions only, no cell's content
  report jsonb,
  uploaded_by text not null,
  uploaded_at timestamptz not null,
  committed_by text,
  committed_at timestamptz,
  check ((state = 'committed') = (committed_by is not null)),
  check ((committed_by is null) = (committed_at is null)),
  check (committed_by is null or committed_by <> uploaded_by),
  check (state in ('committed', 'discarded') or file is not null)
);

-- Everything an authority holds, in an open format: asked for by one person, allowed by another.
create table register_export (
  id uuid primary key,
  reason text not null check (reason in ('system_change', 'backup', 'audit', 'merger')),
  requested_by text not null,
  requested_at timestamptz not null,
  approved_by text,
  approved_at timestamptz,
  expires_at timestamptz,
  downloads integer not null default 0,
  check ((approved_by is null) = (approved_at is null)),
  check ((approved_by is null) = (expires_at is null)),
  check (approved_by is null or approved_by <> requested_by)
);

grant select, insert, update on register_import, register_export to chikai_app;
