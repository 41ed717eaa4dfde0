import type { AuthorityCode } from '../kernel/authority.ts';
import { midnightInJapan } from '../kernel/clock.ts';
import { mayBeNamed } from '../registry/eligibility.ts';
import type { Shown } from '../registry/protection.ts';
import { readShown } from '../registry/protection-store.ts';
import {
  type Couple,
  findEpoch,
  type RegistrationRow,
  readContinuity,
} from '../registry/registration-store.ts';
import { openSealer, type Sealer } from '../registry/vault.ts';
import type { CertificateClaims, CertificateContent } from './certificate-content.ts';
import { type CertificateRow, readNumbers } from './certificate-store.ts';
import { usableChain } from './continuity-chain.ts';
import type { IssueDeps, IssuerTerms } from './issue-certificates.ts';

/** With the links that prove its way here; a certificate says nothing that the record contradicts. */
type CertifiedRegistration = RegistrationRow & { readonly continuity: readonly string[] };

/** What the certificates of one couple say, read once for both. */
export type Certified = {
  readonly registration: CertifiedRegistration;
  readonly shown: Couple<Shown>;
  readonly sealer: Sealer;
  readonly numbers: ReadonlyMap<string, string>;
};

/** @returns undefined where the registration's data were erased */
export async function readCertified(
  { db, vault, terms }: IssueDeps,
  intents: readonly [CertificateRow, ...CertificateRow[]],
): Promise<Certified | undefined> {
  const [{ registrationId: id, epoch }] = intents;
  const [registration, shown, sealer] = await Promise.all([
    findEpoch(db, id, epoch),
    readShown(db, vault, { id, epoch }),
    openSealer(db, vault, { kind: 'registration', id, epoch }),
  ]);
  if (!registration || !shown || !sealer) return undefined;
  const numbers = await readNumbers(
    db,
    sealer,
    intents.map((one) => one.id),
  );
  const links = await readContinuity(db, sealer, { id, epoch });
  const continuity = usableChain(links, terms.authority, registration);
  return { registration: { ...registration, continuity }, shown, sealer, numbers };
}

/** @returns undefined where the certificate's number is not among those that were read */
export function contentOf(
  terms: IssuerTerms,
  intent: CertificateRow,
  { registration, shown, numbers }: Certified,
): CertificateContent | undefined {
  const number = numbers.get(intent.id);
  if (number === undefined) return undefined;
  // The day in Japan: the minute of its making would tell which counter visit it came from.
  const issuedAt = midnightInJapan(intent.issuedOn);
  return {
    issuer: terms.entityId,
    vct: terms.vct,
    akaVcts: [terms.baseVct],
    issuedAt,
    expiresAt: midnightInJapan(intent.expiresOn),
    status: { uri: terms.statusListUri, idx: intent.statusIndex },
    ...(intent.holderJwk ? { holderJwk: intent.holderJwk } : {}),
    claims: claimsOf(terms, intent, registration, shown[intent.position], number),
  };
}

function claimsOf(
  terms: IssuerTerms,
  { issuedOn }: CertificateRow,
  registration: CertifiedRegistration,
  { holder, partnerName, familyMembers }: Shown,
  number: string,
): CertificateClaims {
  // Where no rule says that this authority names family members, a certificate does not.
  const named = terms.familyship?.(issuedOn) ?? [];
  const family = familyMembers.filter(({ relation }) => mayBeNamed(named, relation));
  const authority = (code: AuthorityCode) => ({ code, name: terms.nameOf(code).ja });
  return {
    registered_name: holder.registeredName,
    ...(holder.alias ? { alias_name: holder.alias.name } : {}),
    birth_date: holder.birthDate,
    partner_name: partnerName,
    oath_date: registration.oathDate,
    first_oath_date: registration.firstOathDate,
    first_authority: authority(registration.firstAuthority),
    authority: authority(terms.authority),
    certificate_number: number,
    ...(family.length > 0
      ? {
          family_members: family.map(({ name, relation, birthDate }) => ({
            name,
            relation,
            birth_date: birthDate,
          })),
        }
      : {}),
    ...(registration.continuity.length > 0 ? { continuity: registration.continuity } : {}),
  };
}
