import { createPublicKey, randomBytes, randomInt } from 'node:crypto';
import type { CertificateContent } from '../src/certificate/certificate-content.ts';
import { type PresentedCertificate, readCertificate } from '../src/certificate/presented-certificate.ts';
import { type CertificateSigner, signCertificate } from '../src/certificate/sd-jwt-vc.ts';
import { emptyStatusList, LIST_SIZE } from '../src/certificate/status-list.ts';
import type { IssuerTrust, TrustView } from '../src/certificate/trust-view.ts';
import type { AuthorityCode } from '../src/kernel/authority.ts';
import type { SigningKey } from '../src/kernel/signing-key.ts';

/**
 * Certificates as a node issues them, made here by the hundred: same key, same claims, another status index and new
 * salts each, so that no two texts are alike and nothing that remembers texts can help.
 */
export class CertificateSource {
  readonly signer: CertificateSigner;
  readonly trust: TrustView;
  readonly #pattern: PresentedCertificate;
  readonly #unused: string[] = [];

  /** @param sample a certificate that the node itself issued */
  constructor(sample: string, key: SigningKey, code: string) {
    this.#pattern = readCertificate(sample);
    const { x5c } = this.#pattern;
    this.signer = { key, ...(x5c ? { x5c } : {}) };
    this.trust = trustOnly(this.#pattern, key, code as AuthorityCode);
  }

  content(): CertificateContent {
    const { issuer, vct, akaVcts, issuedAt, expiresAt, status, claims } = this.#pattern;
    return {
      issuer,
      vct,
      akaVcts,
      issuedAt,
      expiresAt,
      status: { uri: status.uri, idx: randomInt(LIST_SIZE) },
      claims: claims as CertificateContent['claims'],
    };
  }

  async make(): Promise<string> {
    return (await signCertificate(this.content(), this.signer, randomBytes)).text;
  }

  /** Keeps one for those who present certificates. */
  keep(text: string): void {
    this.#unused.push(text);
  }

  async fill(count: number): Promise<void> {
    while (this.#unused.length < count) this.keep(await this.make());
  }

  /** One that was never presented anywhere; undefined where none is left. */
  take(): string | undefined {
    return this.#unused.pop();
  }

  /** As many as there are, without using them up. */
  look(at: number): string {
    return this.#unused[at % this.#unused.length] ?? '';
  }
}

/** A verifier's memory that holds this one issuer, with a status list in which nothing is revoked. */
function trustOnly(pattern: PresentedCertificate, key: SigningKey, code: AuthorityCode): TrustView {
  const issuer: IssuerTrust = {
    entityId: pattern.issuer,
    authorityCode: code,
    name: { ja: '架空市', en: 'Fictional City' },
    keys: [{ kid: key.kid, key: createPublicKey(key.privateKey) }],
    statusListUri: pattern.status.uri,
    vcts: [pattern.vct],
    memberships: [{ from: 0, to: null }],
    verifiedAt: pattern.issuedAt,
    expiresAt: pattern.expiresAt,
  };
  const now = Math.floor(Date.now() / 1000);
  const list = emptyStatusList();
  return {
    issuer: () => ({ kind: 'known', issuer }),
    issuerByCode: () => ({ kind: 'known', issuer }),
    statusList: () => ({ kind: 'loaded', list, issuedAt: now, expiresAt: now + 86_400, fetchedAt: now }),
    baseVct: pattern.akaVcts[0] ?? '',
    maxStatusAgeSeconds: 86_400,
  };
}
