import { existsSync } from 'node:fs';
import type { SigningKey } from '../src/kernel/signing-key.ts';
import type { CertificateSource } from './certificates.ts';
import type { Leg } from './measurement.ts';
import { libraryLegs } from './process-legs.ts';

/** What every issuer here signs: some claims in the clear, others to be disclosed one by one. */
export type TheirContent = {
  readonly vct: string;
  readonly exp: number;
  readonly aka_vcts: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
};

/** A library of others that issues and verifies SD-JWT VC in this process. */
export type TheirIssuer = {
  issue(content: TheirContent): Promise<string>;
  /** Rejects where the text is not good. */
  verify(text: string): Promise<void>;
};

/** Implemented in `interop`, where Credo's 200 packages are: the program's own tree has none of them. */
export type StartCredo = (terms: {
  readonly issuer: string;
  readonly key: SigningKey;
  /** base64 DER */
  readonly leaf: string;
}) => Promise<{ readonly x5c: TheirIssuer; readonly did: TheirIssuer }>;

export const NAMES = {
  signX5c: 'Credo SdJwtVcApi sign, x5c, in process',
  signDid: 'Credo SdJwtVcApi sign, did:jwk, in process',
  verifyX5c: 'Credo SdJwtVcApi verify, x5c, in process',
  verifyDid: 'Credo SdJwtVcApi verify, did:jwk, in process',
} as const;

/**
 * Credo with keys and storage in memory, in both of its ways to say who the issuer is: `x5c` is what our certificates
 * carry too, `did:jwk` spares it the reading of an X.509 certificate. It is spared the status, the decoys and the
 * agreement's checks as well; its `iat` is its own.
 */
export async function credoLegs(source: CertificateSource): Promise<Leg[]> {
  const { key, x5c } = source.signer;
  const [leaf] = x5c ?? [];
  if (!leaf) throw new Error('the issuer has no X.509 certificate');
  const { issuer } = source.content();
  const { x5c: byX5c, did: byDid } = await (await loadCredo())({ issuer, key, leaf });
  return [
    ...legsOf(source, byX5c, { sign: NAMES.signX5c, verify: NAMES.verifyX5c }),
    ...legsOf(source, byDid, { sign: NAMES.signDid, verify: NAMES.verifyDid }),
  ];
}

async function loadCredo(): Promise<StartCredo> {
  const interop = new URL('../interop/', import.meta.url);
  if (!existsSync(new URL('node_modules/@credo-ts/core', interop)))
    throw new Error(
      'Credo is not installed: run `npm --prefix interop ci --ignore-scripts`, or `npm run bench`',
    );
  // A name that the compiler cannot follow: it must not need Credo to check the program. `tsc -p interop` holds the
  // other side to StartCredo.
  const { href } = new URL('credo-issuer.ts', interop);
  const { startCredo } = (await import(href)) as { startCredo: StartCredo };
  return startCredo;
}

function legsOf(
  source: CertificateSource,
  library: TheirIssuer,
  names: { readonly sign: string; readonly verify: string },
): Leg[] {
  const issue = () => {
    const { vct, akaVcts, expiresAt, claims } = source.content();
    return library.issue({ vct, exp: expiresAt, aka_vcts: [...akaVcts], claims });
  };
  return libraryLegs(names, { issue, verify: (text) => library.verify(text) });
}
