import { randomInt } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { type Answer, type Command, carryOutOnce } from '../audit/command-log.ts';
import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { ISSUING_STATE } from '../registry/registration.ts';
import { type RegistrationRow, requireRegistration } from '../registry/registration-store.ts';
import type { FamilyRelation } from '../registry/rule-set.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import { type CertificateRow, findCertificates, readKeptNumbers, readNumbers } from './certificate-store.ts';
import { findIntents, insertIntents, sealIntent } from './intent-store.ts';
import { recordSigned, signCouple } from './sign-certificates.ts';

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
 * Commits the intent to issue a portable certificate to each partner who has no living one of this epoch. Signing comes after the
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
    ({ state, form }) => state !== 'revoked' && form === 'portable',
  );
  const without = POSITIONS.filter((position) => !living.some((one) => one.position === position));
  return writeIntents(
    trx,
    deps,
    row,
    without.map((position) => ({ position, holderJwk: null, replaces: null })),
  );
}

export type WantedIntent = Pick<CertificateRow, 'position' | 'holderJwk' | 'replaces'> & {
  /** A certificate whose number the new one keeps; else it has that of the partner's other form, or a new one. */
  readonly numberOf?: CertificateRow['id'] | undefined;
};

/** Writes an intent for each of these partners, who must have no other one in that form. */
export async function writeIntents(
  trx: Trx,
  { clock, vault, terms }: Omit<IssueDeps, 'db'>,
  { id, epoch }: Pick<RegistrationRow, 'id' | 'epoch'>,
  wanted: readonly WantedIntent[],
): Promise<CertificateRow[]> {
  const sealer = await openSealer(trx, vault, { kind: 'registration', id, epoch });
  if (!sealer) throw new Error('the data key of a registration that is to be certified is gone');
  const kept = await readKeptNumbers(trx, sealer, { registrationId: id, epoch });
  const numbers = await readNumbers(
    trx,
    sealer,
    wanted.flatMap(({ numberOf }) => (numberOf ? [numberOf] : [])),
  );
  const now = clock();
  const { issuedOn, expiresOn } = newPeriod({ clock: () => now, terms });
  const given: Partial<Record<PartnerPosition, string>> = {};
  const intents = wanted.map(({ position, holderJwk, replaces, numberOf }) => {
    const number =
      kept[position] ??
      given[position] ??
      (numberOf && numbers.get(numberOf)) ??
      certificateNumber(terms.authority, issuedOn);
    given[position] = number;
    return sealIntent(sealer, {
      registrationId: id,
      epoch,
      position,
      holderJwk,
      number,
      issuedOn,
      expiresOn,
      intendedAt: now,
      replaces,
    });
  });
  return insertIntents(trx, intents);
}

/** From when until when a certificate of today is good; days in Japan. */
export function newPeriod({ clock, terms }: Pick<IssueDeps, 'clock' | 'terms'>) {
  const now = clock();
  return {
    issuedOn: dayInJapan(now),
    expiresOn: dayInJapan(new Date(now.getTime() + terms.validityDays * 86_400_000)),
  };
}

/** Authority, year and a random serial: a running number would tell how many couples there are (要確認: each authority's own form). */
function certificateNumber(authority: AuthorityCode, issuedOn: string): string {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const serial = Array.from({ length: 8 }, () => digits[randomInt(32)]).join('');
  return `${authority}-${issuedOn.slice(0, 4)}-${serial}`;
}

/**
 * Signs what was intended, reads it back, and stores it. Safe to run at any time and by several processes: an intent
 * that somebody else signed meanwhile is left alone, and one that a crash left behind is finished here. Renewals by
 * the thousand are left to their own worker (renew-certificates.ts) unless the registration is named.
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
    const { signed, faults: unsigned } = await signCouple(deps, [intent, ...others]);
    faults.push(...unsigned);
    const issued = await attempt(() => recordSigned(deps, signed));
    if (issued && issued.size > 0)
      finished.push({ registrationId: intent.registrationId, epoch: intent.epoch });
  }
  if (faults.length > 0) throw faults[0];
  return finished;
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
