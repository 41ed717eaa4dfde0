-- A move from an authority that runs no node: it is asked by letter, and what it writes back is recorded. `inquired`: the
-- letter is on its way. `answered`: the answer stands here and waits for a second person.
alter table transfer drop constraint transfer_state_check;
alter table transfer add constraint transfer_state_check check (state in (
  'draft', 'submitted', 'correction', 'consented', 'requested', 'staged', 'activated', 'completed',
  'withdrawn', 'declined', 'consent_refused', 'refused_by_origin', 'expired',
  'held', 'offered', 'released', 'cancelled', 'filing', 'forwarded', 'filed', 'inquired', 'answered'));
alter table transfer
  add column by_post boolean not null default false,
  alter column peer_entity drop not null,
  -- nobody of the network is spoken to in such a case, and in any other somebody is
  add constraint transfer_by_post_peer check ((peer_entity is null) = by_post),
  add constraint transfer_by_post_states check (
    case when by_post
      then side = 'destination' and protocol is null and state not in ('requested', 'staged', 'refused_by_origin', 'filed')
      else state not in ('inquired', 'answered')
    end);

-- A certificate on paper has no place in a status list; what it says is typed, and sealed in `disclosed`.
alter table transfer_consent drop constraint transfer_consent_certificate_kind_check;
alter table transfer_consent
  add constraint transfer_consent_certificate_kind_check check (certificate_kind in ('sd-jwt-vc', 'paper', 'typed')),
  alter column status_uri drop not null,
  alter column status_index drop not null,
  alter column certificate_hash drop not null,
  add constraint transfer_consent_reference check (
    (certificate_kind = 'typed') = (status_uri is null)
    and (certificate_kind = 'typed') = (status_index is null)
    and (certificate_kind = 'typed') = (certificate_hash is null));

-- The letter to such an authority, and what it wrote back. The scan stays with the office: here is its digest.
create table transfer_letter (
  transfer_id uuid primary key references transfer (id),
  sent_on date not null,
  sent_by text not null,
  answer text check (answer in ('confirmed', 'denied', 'no_record')),
  answered_on date,
  document_number text,
  letter_sha256 text check (letter_sha256 ~ '^[0-9a-f]{64}$'),
  first_oath_date date,
  first_authority text check (first_authority ~ '^[0-9]{6}$'),
  recorded_by text,
  recorded_at timestamptz,
  check (answered_on >= sent_on),
  check (first_oath_date <= answered_on),
  constraint transfer_letter_answered check (
    (answer is null) = (answered_on is null) and (answer is null) = (document_number is null)
    and (answer is null) = (letter_sha256 is null) and (answer is null) = (recorded_by is null)
    and (answer is null) = (recorded_at is null)),
  constraint transfer_letter_confirms check (
    (answer is not distinct from 'confirmed') = (first_oath_date is not null)
    and (answer is not distinct from 'confirmed') = (first_authority is not null))
);
grant select, insert, update on transfer_letter to chikai_app;
