-- The people's side of a move. `held`: the origin was asked and looks at something before it offers. `expired`: ended
-- by a deadline that was announced; what was filled in is kept until `reopen_until`.
alter table transfer drop constraint transfer_state_check;
alter table transfer add constraint transfer_state_check check (state in (
  'draft', 'submitted', 'correction', 'consented', 'requested', 'staged', 'activated', 'completed',
  'withdrawn', 'declined', 'consent_refused', 'refused_by_origin', 'expired',
  'held', 'offered', 'released', 'cancelled'));
alter table transfer drop constraint transfer_check;
alter table transfer drop constraint transfer_check1;
alter table transfer
  add constraint transfer_origin_states
    check (side = 'destination' or state in ('held', 'offered', 'released', 'completed', 'cancelled')),
  add constraint transfer_destination_states
    check (side = 'origin' or state not in ('held', 'offered', 'released', 'cancelled')),
  -- what was filled in so far, sealed with the transfer's data key, whatever it lacks
  add column draft bytea,
  -- fields to correct with their reasons: [{"field": "/move/on", "reason": "document_missing"}]
  add column corrections jsonb not null default '[]',
  -- an ended case can be taken up again until then; its data key is destroyed afterwards
  add column reopen_until date,
  add column expired_from text check (expired_from in ('draft', 'submitted', 'correction')),
  -- the origin has said that it is checking, and until when
  add column origin_checking_until date,
  -- origin: digest of the request that waits for the end of a hold
  add column held_request text,
  add constraint transfer_held check ((state <> 'held') or (held_request is not null)),
  add constraint transfer_expired check ((state <> 'expired') or (expired_from is not null));
create index transfer_reopenable on transfer (reopen_until) where reopen_until is not null;

-- A reason for which the origin looks at a registration before it offers it to anybody. Told to nobody outside.
create table transfer_hold (
  id uuid primary key,
  registration_id uuid not null,
  reason text not null check (reason in
    ('dissolution_filed', 'misuse_suspected', 'data_under_correction', 'identity_unclear')),
  until_on date not null,
  placed_by text not null,
  placed_at timestamptz not null,
  ended_by text,
  ended_at timestamptz,
  outcome text check (outcome in ('released', 'declined')),
  check ((ended_at is null) = (outcome is null))
);
create unique index transfer_hold_living on transfer_hold (registration_id) where ended_at is null;
grant select, insert, update on transfer_hold to chikai_app;

-- A record that was staged and given up leaves rows whose key is destroyed; staged again, they must not be read.
alter table partner_history add column voided_at timestamptz;
grant update (voided_at) on partner_history to chikai_app;
