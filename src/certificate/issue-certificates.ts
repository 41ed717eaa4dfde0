import { createPublicKey, randomBytes, randomInt } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, dayInJapan, epochSeconds } from '../kernel/clock.ts';
import { sha256 } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import {
  type Couple,
  findEpoch,
  type PartnerRecord,
  type RegistrationRow,
  readPartners,
  requireRegistration,
} from '../registry/registration-store.ts';
import { openSealer, type Sealer, type Vault } from '../registry/vault.ts';
import type { CertificateClaims, CertificateContent } from './certificate-content.ts';
import {
  type CertificateRow,
  findCertificates,
  findIntents,
  insertIntent,
  readNumber,
  recordIssue,
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
  { clock, vault, terms }: Omit<IssueDeps, 'db'>,
  { id, epoch }: Pick<RegistrationRow, 'id' | 'epoch'>,
): Promise<CertificateRow[]> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id, epoch });
  if (!sealer) throw new Error('the data key of a registration that is to be certified is gone');
  const living = (await findCertificates(trx, { registrationId: id, epoch })).filter(
    (row) => row.state !== 'revoked',
  );
  const now = clock();
  const issuedOn = dayInJapan(now);
  const expiresOn = dayInJapan(new Date(now.getTime() + terms.validityDays * 86_400_000));
  const intents: CertificateRow[] = [];
  for (const position of POSITIONS) {
    if (living.some((row) => row.position === position)) continue;
    const number = certificateNumber(terms.authority, issuedOn);
    intents.push(
      await insertIntent(trx, sealer, {
        registrationId: id,
        epoch,
        position,
        number,
        issuedOn,
        expiresOn,
        intendedAt: now,
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
  const finished = new Map<string, { registrationId: string; epoch: number }>();
  const faults: unknown[] = [];
  for (const intent of intents) {
    try {
      if (await signIntent(deps, intent)) finished.set(`${intent.registrationId} ${intent.epoch}`, intent);
    } catch (error) {
      // One that cannot be signed must not keep those behind it waiting; it is told when all had their turn.
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
  return [...finished.values()].map(({ registrationId, epoch }) => ({ registrationId, epoch }));
}

async function signIntent({ db, clock, vault, terms }: IssueDeps, intent: CertificateRow): Promise<boolean> {
  const { registrationId: id, epoch } = intent;
  const registration = await findEpoch(db, id, epoch);
  const partners = await readPartners(db, vault, { id, epoch });
  const sealer = await openSealer(db, vault, { kind: 'registration', id, epoch });
  if (!registration || !partners || !sealer) return false;
  const content = contentOf(terms, intent, registration, partners, await readNumber(db, sealer, intent.id));
  const forms = await signForms(terms, content, intent);
  return inTransaction(db, (trx) => recordIssue(trx, sealer as Sealer, intent.id, forms, clock()));
}

async function signForms(terms: IssuerTerms, content: CertificateContent, intent: CertificateRow) {
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
  partners: Couple<PartnerRecord>,
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
    claims: claimsOf(terms, intent.position, registration, partners, number),
  };
}

function claimsOf(
  terms: IssuerTerms,
  position: PartnerPosition,
  registration: RegistrationRow,
  partners: Couple<PartnerRecord>,
  number: string,
): CertificateClaims {
  const holder = partners[position];
  const partner = partners[position === 'first' ? 'second' : 'first'];
  const named = (code: AuthorityCode) => ({ code, name: terms.nameOf(code).ja });
  return {
    registered_name: holder.registeredName,
    ...(holder.alias ? { alias_name: holder.alias.name } : {}),
    birth_date: holder.birthDate,
    partner_name: partner.alias ? partner.alias.name : partner.registeredName,
    oath_date: registration.oathDate,
    first_oath_date: registration.firstOathDate,
    first_authority: named(registration.firstAuthority),
    authority: named(terms.authority),
    certificate_number: number,
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
