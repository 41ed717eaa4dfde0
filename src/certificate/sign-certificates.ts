import { randomBytes } from 'node:crypto';
import { appendEvent } from '../audit/audit-log.ts';
import { inTransaction } from '../db/transaction.ts';
import { sha256 } from '../kernel/digest.ts';
import type { CertificateContent } from './certificate-content.ts';
import {
  type CertificateRow,
  endReplaced,
  lockReplacements,
  recordIssues,
  type SignedForms,
  type SignedIntent,
  sealForms,
} from './certificate-store.ts';
import { contentOf, readCertified } from './couple-content.ts';
import { abandon } from './intent-store.ts';
import type { IssueDeps, IssuerTerms } from './issue-certificates.ts';
import { lintPaperToken, type PaperContent, signPaperToken } from './paper-token.ts';
import { lintCertificate, signCertificate } from './sd-jwt-vc.ts';
import { invalidateEntries } from './status-list-store.ts';

export type SignedCouple = {
  readonly signed: readonly SignedIntent[];
  /** Why others of them could not be signed. */
  readonly faults: readonly unknown[];
};

/**
 * Signs what was intended for one couple and reads each certificate back. Nothing is stored, and nothing may be handed
 * out, before `recordSigned`. Where the registration's data were erased, nothing is signed.
 */
export async function signCouple(
  deps: IssueDeps,
  intents: readonly [CertificateRow, ...CertificateRow[]],
): Promise<SignedCouple> {
  const signed: SignedIntent[] = [];
  const faults: unknown[] = [];
  try {
    const certified = await readCertified(deps, intents);
    if (!certified) return { signed, faults };
    for (const intent of intents) {
      const content = contentOf(deps.terms, intent, certified);
      if (!content) continue;
      try {
        const forms = await signForms(deps.terms, content, intent);
        signed.push({ intent, forms: sealForms(certified.sealer, intent.id, forms) });
      } catch (error) {
        faults.push(error);
      }
    }
  } catch (error) {
    faults.push(error);
  }
  return { signed, faults };
}

/**
 * Stores signed certificates. One that replaces another begins in the transaction in which the other ends: nobody ever
 * sees two, or none. Where the old one was revoked meanwhile the new one begins all the same, because it was asked for,
 * unless it is a mere renewal. However many they are, the status list changes once.
 *
 * @returns those that were stored; the others are no longer merely intended: somebody signed them, or they were given up
 */
export async function recordSigned(
  { db, clock }: Pick<IssueDeps, 'db' | 'clock'>,
  signed: readonly SignedIntent[],
): Promise<ReadonlySet<string>> {
  if (signed.every(({ intent }) => intent.replaces === null)) return recordIssues(db, signed, clock());
  return inTransaction(
    db,
    async (trx) => {
      const open = await lockReplacements(
        trx,
        signed.map(({ intent }) => intent),
      );
      const good = signed.filter(({ intent }) => open.has(intent.id));
      const at = clock();
      const ended = await endReplaced(
        trx,
        good.flatMap(({ intent }) => (intent.replaces ? [intent.replaces] : [])),
        at,
      );
      const lapsed = good.filter(({ intent }) => hasLapsed(intent, ended));
      await abandon(
        trx,
        lapsed.map(({ intent }) => intent.id),
      );
      await invalidateEntries(trx, [...ended.values(), ...lapsed.map(({ intent }) => intent.statusIndex)]);
      for (const { intent } of good) {
        if (!intent.replaces || !ended.has(intent.replaces.certificateId)) continue;
        await appendEvent(trx, clock, {
          type: 'certificate_revoked',
          actor: { kind: 'system', subject: 'system' },
          record: { kind: 'registration', id: intent.registrationId },
          position: intent.position,
          // That somebody lost a certificate, or changed a name, is theirs to tell.
          visibility: 'acting',
          facts: { ...intent.replaces },
        });
      }
      return recordIssues(
        trx,
        good.filter((one) => !lapsed.includes(one)),
        at,
      );
    },
    { repeatable: true },
  );
}

/** A renewal goes on with what was good. Where that was revoked meanwhile, there is nothing to go on with. */
function hasLapsed({ replaces }: CertificateRow, ended: ReadonlyMap<string, number>): boolean {
  return replaces?.reason === 'renewed' && !ended.has(replaces.certificateId);
}

async function signForms(
  terms: IssuerTerms,
  content: CertificateContent,
  intent: CertificateRow,
): Promise<SignedForms> {
  const { publicKey } = terms.key;
  const { text: sdJwtVc } = await signCertificate(
    content,
    { key: terms.key, ...(terms.x5c ? { x5c: terms.x5c } : {}) },
    randomBytes,
  );
  await lintCertificate(sdJwtVc, content, publicKey);
  const sdJwtHash = sha256(issuerSignedPart(sdJwtVc));
  const keyId = terms.key.kid;
  if (intent.form === 'wallet') return { sdJwtVc, sdJwtHash, paper: null, keyId };
  const paper: PaperContent = {
    authorityCode: terms.authority,
    idx: intent.statusIndex,
    issuedAt: content.issuedAt,
    expiresAt: content.expiresAt,
  };
  const token = await signPaperToken(paper, terms.key, randomBytes);
  await lintPaperToken(token, paper, publicKey);
  return { sdJwtVc, sdJwtHash, paper: { token, hash: sha256(token) }, keyId };
}

/** The part of an SD-JWT that the issuer signed: the same whatever the holder discloses. */
function issuerSignedPart(sdJwtVc: string): string {
  return sdJwtVc.slice(0, sdJwtVc.indexOf('~'));
}
