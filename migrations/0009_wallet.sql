-- Certificates in wallets (OpenID4VCI 1.0) and presentations from them (OpenID4VP 1.0). A partner may hold one certificate
-- to carry and one bound to a key in a wallet; each has a status entry of its own.
alter table certificate
  add column form text not null default 'portable' check (form in ('portable', 'wallet')),
  -- the wallet's public key, only what RFC 7638 hashes
  add column holder_jwk jsonb,
  add check ((form = 'wallet') = (holder_jwk is not null));
drop index certificate_one_issued;
drop index certificate_one_intended;
create unique index certificate_one_issued on certificate (registration_id, epoch, position, form) where state = 'issued';
create unique index certificate_one_intended on certificate (registration_id, epoch, position, form) where state = 'intended';
alter table certificate drop constraint certificate_check1;
alter table certificate add constraint certificate_signed_forms check (state in ('intended', 'abandoned')
  or (sd_jwt_vc is not null and issued_at is not null and (paper_token is not null or form = 'wallet')));

-- An offer to one partner's wallet. Codes are kept as digests only.
create table wallet_offer (
  id uuid primary key,
  reference_hash bytea not null unique check (length(reference_hash) = 32),
  registration_id uuid not null,
  epoch integer not null,
  position text not null check (position in ('first', 'second')),
  code_hash bytea not null unique check (length(code_hash) = 32),
  transaction_code_hash bytea not null check (length(transaction_code_hash) = 32),
  wrong_codes smallint not null default 0 check (wrong_codes between 0 and 5),
  state text not null check (state in ('open', 'redeemed', 'burnt', 'withdrawn')),
  needs_approval boolean not null,
  expires_at timestamptz not null,
  made_by text not null,
  made_at timestamptz not null,
  foreign key (registration_id, epoch) references registration (id, epoch)
);
create index wallet_offer_registration on wallet_offer (registration_id, position) where state = 'open';

create table wallet_token (
  token_hash bytea primary key check (length(token_hash) = 32),
  offer_id uuid not null unique references wallet_offer (id),
  -- thumbprint of the key that must prove possession (DPoP); null for a bearer token
  jkt text,
  expires_at timestamptz not null
);

-- Values that are good once: nonces of proofs and DPoP, and identifiers of DPoP proofs. Rows past their time are deleted.
create table wallet_once (
  digest bytea primary key check (length(digest) = 32),
  purpose text not null check (purpose in ('c_nonce', 'dpop_nonce', 'dpop_jti')),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index wallet_once_expiry on wallet_once (expires_at);

create table wallet_issuance (
  id uuid primary key,
  offer_id uuid not null unique references wallet_offer (id),
  transaction_hash bytea unique check (length(transaction_hash) = 32),
  holder_jwk jsonb not null,
  state text not null check (state in ('waiting', 'approved', 'denied', 'issued')),
  certificate_id uuid references certificate (id),
  requested_at timestamptz not null,
  decided_by text,
  notification_hash bytea unique check (length(notification_hash) = 32),
  notified text check (notified in ('credential_accepted', 'credential_failure', 'credential_deleted')),
  check (state <> 'issued' or certificate_id is not null)
);

-- A question to a wallet. What was answered is sealed, read once with the asker's secret, and then destroyed.
create table presentation_request (
  id uuid primary key,
  reference_hash bytea not null unique check (length(reference_hash) = 32),
  secret_hash bytea not null unique check (length(secret_hash) = 32),
  purpose text not null check (purpose in ('verification', 'transfer_consent')),
  transfer_id uuid references transfer (id),
  position text check (position in ('first', 'second')),
  -- client identifier, nonce, query, transaction data, response mode: what the wallet was asked
  question jsonb not null,
  -- private key to which the wallet encrypts, sealed
  response_key bytea,
  state text not null check (state in ('open', 'answered', 'failed', 'read')),
  expires_at timestamptz not null,
  made_at timestamptz not null,
  result bytea,
  check ((purpose = 'transfer_consent') = (transfer_id is not null)),
  check ((transfer_id is null) = (position is null))
);
create index presentation_request_expiry on presentation_request (expires_at) where state in ('open', 'answered');

grant select, insert, update on wallet_offer, wallet_token, wallet_issuance, wallet_once, presentation_request to chikai_app;

-- The application deletes nothing; what is over and says nothing about anybody may go, or it would grow for ever.
create function forget_past_exchanges(moment timestamptz) returns integer
  language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  forgotten integer;
begin
  delete from wallet_once where expires_at <= moment;
  get diagnostics forgotten = row_count;
  with past as (
    delete from presentation_request
    where expires_at <= moment - interval '1 day' and state in ('failed', 'read') returning id
  )
  delete from data_key where subject_kind = 'presentation' and subject_id in (select id from past);
  return forgotten;
end $$;
revoke all on function forget_past_exchanges(timestamptz) from public;
grant execute on function forget_past_exchanges(timestamptz) to chikai_app;

alter table data_key drop constraint data_key_subject_kind_check;
alter table data_key add constraint data_key_subject_kind_check
  check (subject_kind in ('registration', 'transfer', 'procedure', 'import', 'presentation'));
alter table transfer_consent drop constraint transfer_consent_method_check;
alter table transfer_consent add constraint transfer_consent_method_check check (method in ('session', 'counter', 'wallet'));
