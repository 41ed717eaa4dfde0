import { createPublicKey, randomBytes, randomInt } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, dayInJapan, epochSeconds } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import { POSITIONS } from '../kernel/role.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { mayBeNamed } from '../registry/eligibility.ts';
import type { Shown } from '../registry/protection.ts';
import { readShown } from '../registry/protection-store.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import {
  type Couple,
  findEpoch,
  type RegistrationRow,
  requireRegistration,
} from '../registry/registration-store.ts';
import type { FamilyRelation } from '../registry/rule-set.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';
import type { CertificateClaims, CertificateContent } from './certificate-content.ts';
import {
  type CertificateRow,
  findCertificates,
  findIntents,
  insertIntent,
  lockReplacement,
  type Replacement,
  readKeptNumbers,
  readNumbers,
  recordIssue,
  revokeOne,
  type SignedForms,
} from './certificate-store.ts';
import { lintPaperToken, type PaperContent, signPaperToken } from './paper-token.ts';
import { lintCertificate, signCertificate } from './sd-jwt-vc.ts';

/** What the authority puts on every certificate. */
export type IssuerTerms = {
  readonly entityId: EntityId;
  readonly authority: AuthorityCode;
  readonly nameOf: (code: AuthorityCode) => { readonly ja: string; readonly en: string };
  readonly key: SigningKey;
  readonly x5c: readonly string[] | undefined;
  readonly vct: string;
  readonly baseVct: string;
  readonly statusListUri: string;
  readonly validityDays: number;
  /** Relations that the authority's certificates of a day name; left out: none. */
  readonly familyship?: (on: string) => readonly FamilyRelation[];
};

export type IssueDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly terms: IssuerTerms;
};

/**
 * Commits the intent to issue to each partner who has no living certificate of this epoch. Signing comes after the
 * commit: a signed certificate that no database knows could never be revoked.
 *
 * @returns the intents written now
 */
export async function intendCertificates(
  trx: Trx,
  deps: Omit<IssueDeps, 'db'>,
  row: Pick<RegistrationRow, 'id' | 'epoch'>,
): Promise<CertificateRow[]> {
  const living = (await findCertificates(trx, { registrationId: row.id, epoch: row.epoch })).filter(
    ({ state }) => state !== 'revoked',
  );
  const without = POSITIONS.filter((position) => !living.some((one) => one.position === position));
  return writeIntents(
    trx,
    deps,
    row,
    without.map((position) => ({ position, replaces: null })),
  );
}

/** Writes an intent for each of these partners, who must have no other one. */
export async function writeIntents(
  trx: Trx,
  { clock, vault, terms }: Omit<IssueDeps, 'db'>,
  { id, epoch }: Pick<RegistrationRow, 'id' | 'epoch'>,
  wanted: readonly Pick<CertificateRow, 'position' | 'replaces'>[],
): Promise<CertificateRow[]> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id, epoch });
  if (!sealer) throw new Error('the data key of a registration that is to be certified is gone');
  const kept = await readKeptNumbers(trx, sealer, { registrationId: id, epoch });
  const now = clock();
  const issuedOn = dayInJapan(now);
  const expiresOn = dayInJapan(new Date(now.getTime() + terms.validityDays * 86_400_000));
  const intents: CertificateRow[] = [];
  for (const { position, replaces } of wanted) {
    const number = kept[position] ?? certificateNumber(terms.authority, issuedOn);
    intents.push(
      await insertIntent(trx, sealer, {
        registrationId: id,
        epoch,
        position,
        number,
        issuedOn,
        expiresOn,
        intendedAt: now,
        replaces,
      }),
    );
  }
  return intents;
}

/** Authority, year and a random serial: a running number would tell how many couples there are (要確認: each authority's own form). */
function certificateNumber(authority: AuthorityCode, issuedOn: string): string {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const serial = Array.from({ length: 8 }, () => digits[randomInt(32)]).join('');
  return `${authority}-${issuedOn.slice(0, 4)}-${serial}`;
}

/**
 * Signs what was intended, reads it back, and stores it. Safe to run at any time and by several processes: an intent
 * that somebody else signed meanwhile is left alone, and one that a crash left behind is finished here.
 *
 * @returns the registrations of which certificates were issued now
 */
export async function signIntents(
  deps: IssueDeps,
  of: { readonly registrationId?: string; readonly epoch?: number; readonly limit?: number } = {},
): Promise<{ readonly registrationId: string; readonly epoch: number }[]> {
  const intents = await findIntents(deps.db, { ...of, limit: of.limit ?? 100 });
  const byCouple = Map.groupBy(intents, ({ registrationId, epoch }) => `${registrationId} ${epoch}`);
  const finished: { readonly registrationId: string; readonly epoch: number }[] = [];
  const faults: unknown[] = [];
  // One that cannot be signed must not keep those behind it waiting; it is told when all had their turn.
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> =>
    work().catch((error) => void faults.push(error));
  for (const [intent, ...others] of byCouple.values()) {
    if (!intent) continue;
    const certified = await attempt(() => readCertified(deps, intent, others));
    if (!certified) continue;
    let issued = false;
    for (const each of [intent, ...others])
      issued = (await attempt(() => signIntent(deps, each, certified))) || issued;
    if (issued) finished.push({ registrationId: intent.registrationId, epoch: intent.epoch });
  }
  if (faults.length > 0) throw faults[0];
  return finished;
}

/** What the certificates of one couple say, read once for both. */
type Certified = {
  readonly registration: RegistrationRow;
  readonly shown: Couple<Shown>;
  readonly sealer: Sealer;
  readonly numbers: ReadonlyMap<string, string>;
};

/** @returns undefined where the registration's data were erased */
async function readCertified(
  { db, vault }: IssueDeps,
  intent: CertificateRow,
  others: readonly CertificateRow[],
): Promise<Certified | undefined> {
  const { registrationId: id, epoch } = intent;
  const [registration, shown, sealer] = await Promise.all([
    findEpoch(db, id, epoch),
    readShown(db, vault, { id, epoch }),
    openSealer(db, vault, { kind: 'registration', id, epoch }),
  ]);
  if (!registration || !shown || !sealer) return undefined;
  const numbers = await readNumbers(
    db,
    sealer,
    [intent, ...others].map((one) => one.id),
  );
  return { registration, shown, sealer, numbers };
}

async function signIntent(
  { db, clock, terms }: IssueDeps,
  intent: CertificateRow,
  { registration, shown, sealer, numbers }: Certified,
): Promise<boolean> {
  const number = numbers.get(intent.id);
  if (number === undefined) return false;
  const content = contentOf(terms, intent, registration, shown[intent.position], number);
  const forms = await signForms(terms, content, intent);
  return intent.replaces === null
    ? recordIssue(db, sealer, intent, forms, clock())
    : recordReplacement({ db, clock }, sealer, intent, intent.replaces, forms);
}

/**
 * The old certificate ends and the new one begins in one transaction: nobody ever sees two, or none. An old one that
 * was revoked meanwhile is as it should be.
 */
async function recordReplacement(
  { db, clock }: Pick<IssueDeps, 'db' | 'clock'>,
  sealer: Sealer,
  intent: CertificateRow,
  { certificateId, reason }: Replacement,
  forms: SignedForms,
): Promise<boolean> {
  return inTransaction(
    db,
    async (trx) => {
      if (!(await lockReplacement(trx, intent))) return false;
      const at = clock();
      if (await revokeOne(trx, certificateId, reason, at))
        await appendEvent(trx, clock, {
          type: 'certificate_revoked',
          actor: { kind: 'system', subject: 'system' },
          record: { kind: 'registration', id: intent.registrationId },
          position: intent.position,
          // That somebody lost a certificate, or changed a name, is theirs to tell.
          visibility: 'acting',
          facts: { certificateId, reason },
        });
      return recordIssue(trx, sealer, intent, forms, at);
    },
    { repeatable: true },
  );
}

async function signForms(
  terms: IssuerTerms,
  content: CertificateContent,
  intent: CertificateRow,
): Promise<SignedForms> {
  const publicKey = createPublicKey(terms.key.privateKey);
  const { text: sdJwtVc } = await signCertificate(
    content,
    { key: terms.key, ...(terms.x5c ? { x5c: terms.x5c } : {}) },
    randomBytes,
  );
  await lintCertificate(sdJwtVc, content, publicKey);
  const paper: PaperContent = {
    authorityCode: terms.authority,
    idx: intent.statusIndex,
    issuedAt: content.issuedAt,
    expiresAt: content.expiresAt,
  };
  const paperToken = await signPaperToken(paper, terms.key, randomBytes);
  await lintPaperToken(paperToken, paper, publicKey);
  return { sdJwtVc, paperToken, sdJwtHash: sha256(issuerSignedPart(sdJwtVc)), paperHash: sha256(paperToken) };
}

/** The part of an SD-JWT that the issuer signed: the same whatever the holder discloses. */
function issuerSignedPart(sdJwtVc: string): string {
  return sdJwtVc.slice(0, sdJwtVc.indexOf('~'));
}

function contentOf(
  terms: IssuerTerms,
  intent: CertificateRow,
  registration: RegistrationRow,
  shown: Shown,
  number: string,
): CertificateContent {
  const issuedAt = epochSeconds(midnightInJapan(intent.issuedOn));
  return {
    issuer: terms.entityId,
    vct: terms.vct,
    akaVcts: [terms.baseVct],
    issuedAt,
    expiresAt: epochSeconds(midnightInJapan(intent.expiresOn)),
    status: { uri: terms.statusListUri, idx: intent.statusIndex },
    claims: claimsOf(terms, intent, registration, shown, number),
  };
}

function claimsOf(
  terms: IssuerTerms,
  { issuedOn }: CertificateRow,
  registration: RegistrationRow,
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
  };
}

/** A certificate begins with its day in Japan: the minute of its making would tell which counter visit it came from. */
function midnightInJapan(day: string): Date {
  return new Date(`${day}T00:00:00+09:00`);
}

/**
 * Issues a certificate to each partner who holds no living one (受領証の交付). The intents are the command; signing
 * follows and is finished by any process should this one die in between.
 *
 * @throws Refusal `registration_state_conflict` unless the registration is active
 */
export async function issueCertificates(
  deps: IssueDeps,
  command: Command,
  registrationId: string,
): Promise<Answer> {
  const { db, clock } = deps;
  const answer = await carryOutOnce(db, clock, command, async (trx) => {
    const row = await requireRegistration(trx, registrationId, { forUpdate: true });
    if (row.state !== ISSUING_STATE) {
      throw new Refusal('registration_state_conflict', { state: row.state, allowed: [ISSUING_STATE] });
    }
    const intents = await intendCertificates(trx, deps, row);
    const certificateIds = intents.map(({ id }) => id);
    await appendEvent(trx, clock, {
      type: 'certificates_issued',
      actor: command.actor,
      record: { kind: 'registration', id: registrationId },
      visibility: 'both',
      facts: { certificateIds },
    });
    return { status: 201, body: { certificateIds } };
  });
  await signIntents(deps, { registrationId });
  return answer;
}
