-- A move that the couple files where it leaves (転出元での届出). `filing` and `forwarded`: open at the origin, and sent on.
-- `filed`: arrived at the destination, where nobody has taken it up yet.
alter table transfer drop constraint transfer_state_check;
alter table transfer add constraint transfer_state_check check (state in (
  'draft', 'submitted', 'correction', 'consented', 'requested', 'staged', 'activated', 'completed',
  'withdrawn', 'declined', 'consent_refused', 'refused_by_origin', 'expired',
  'held', 'offered', 'released', 'cancelled', 'filing', 'forwarded', 'filed'));
alter table transfer drop constraint transfer_origin_states;
alter table transfer drop constraint transfer_destination_states;
alter table transfer drop constraint transfer_expired_from_check;
alter table transfer
  -- which model of agreement let it be filed at the origin; null: filed at the destination
  add column filed_as text check (filed_as in ('continued_use')),
  add constraint transfer_origin_states check (
    side = 'destination'
    or state in ('held', 'offered', 'released', 'completed', 'cancelled')
    or (filed_as is not null
      and state in ('filing', 'forwarded', 'withdrawn', 'declined', 'consent_refused', 'expired'))),
  add constraint transfer_destination_states check (
    side = 'origin'
    or (state not in ('held', 'offered', 'released', 'cancelled', 'filing', 'forwarded')
      and (state <> 'filed' or filed_as is not null))),
  add constraint transfer_expired_from_check
    check (expired_from in ('draft', 'submitted', 'correction', 'filing')),
  add constraint transfer_filing_of check (state not in ('filing', 'forwarded') or registration_id is not null);
-- One registration is filed for one place at a time.
create unique index transfer_filing_living on transfer (registration_id)
  where side = 'origin' and state in ('filing', 'forwarded');

-- Whose database this is. Two authorities that one operator hosts never share one: a process with another code does not start.
create table database_owner (
  only_row boolean primary key default true check (only_row),
  authority text not null check (authority ~ '^[0-9]{6}$'),
  since timestamptz not null
);
grant select, insert on database_owner to chikai_app;

-- An oath that an agreement makes easier for a couple that comes from elsewhere: {"from", "agreement", "waived": [...]},
-- as the rules stood on the day it was opened.
alter table procedure
  add column eased_by jsonb,
  add constraint procedure_eased check (eased_by is null or kind = 'oath');
