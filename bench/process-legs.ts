import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import { lintCertificate, signCertificate } from '../src/certificate/sd-jwt-vc.ts';
import { verifyCertificate } from '../src/certificate/verify-certificate.ts';
import { epochSeconds, systemClock } from '../src/kernel/clock.ts';
import type { CertificateSource } from './certificates.ts';
import { inARow, inLanes, type Leg } from './measurement.ts';

const LANES = 32;
const MESSAGE_BYTES = 1024;
/** Enough different texts for a turn; they are presented again only by another leg. */
const TEXTS = 2000;

export const NAMES = {
  rawSign: 'node:crypto ES256 sign, 1 kB, one thread',
  rawVerify: 'node:crypto ES256 verify, 1 kB, one thread',
  sign: 'certificate signed, in process',
  signAndRead: 'certificate signed and read back, in process',
  theirSign: '@sd-jwt/sd-jwt-vc issue, same claims, in process',
  verify: 'certificate verified, 8 checks, in process',
  theirVerify: '@sd-jwt/sd-jwt-vc verify, without status, in process',
} as const;

/** What the cryptography costs alone: nothing here leaves this process. */
export async function processLegs(source: CertificateSource): Promise<Leg[]> {
  const legs = [...rawLegs(), ...ourLegs(source), ...(await theirLegs(source))];
  return legs.map((leg) => ({ ...leg, server: process.pid }));
}

function rawLegs(): Leg[] {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = randomBytes(MESSAGE_BYTES);
  const signature = signBytes('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const sign = () => void signBytes('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const verify = () => {
    if (!verifyBytes('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
      throw new Error('a good signature was refused');
  };
  return [
    { name: NAMES.rawSign, run: async (ms) => inARow(ms, sign) },
    { name: NAMES.rawVerify, run: async (ms) => inARow(ms, verify) },
  ];
}

function ourLegs(source: CertificateSource): Leg[] {
  const publicKey = createPublicKey(source.signer.key.privateKey);
  const sign = async () => {
    source.keep(await source.make());
    return 1;
  };
  const signAndRead = async () => {
    const content = source.content();
    const { text } = await signCertificate(content, source.signer, randomBytes);
    await lintCertificate(text, content, publicKey);
    source.keep(text);
    return 1;
  };
  let presented = 0;
  const verify = async () => {
    presented += 1;
    const now = epochSeconds(systemClock());
    const { verdict } = await verifyCertificate(source.look(presented), {
      trust: source.trust,
      now,
      skewSeconds: 10,
    });
    if (verdict !== 'valid') throw new Error(`a good certificate was found ${verdict}`);
    return 1;
  };
  return [
    { name: NAMES.sign, run: (ms) => inLanes(LANES, ms, sign) },
    { name: NAMES.signAndRead, run: (ms) => inLanes(LANES, ms, signAndRead) },
    {
      name: NAMES.verify,
      prepare: () => source.fill(TEXTS),
      run: (ms) => inLanes(LANES, ms, verify),
    },
  ];
}

/**
 * The reference library with its own cryptography. It is spared the status, which it would fetch and unpack at each
 * verification, the decoys, and the agreement's checks, of which it knows nothing.
 */
async function theirLegs(source: CertificateSource): Promise<Leg[]> {
  const { key, x5c } = source.signer;
  const library = new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    signAlg: 'ES256',
    signer: await ES256.getSigner(key.privateKey.export({ format: 'jwk' })),
    verifier: await ES256.getVerifier(key.publicJwk),
  });
  const header = { kid: key.kid, ...(x5c ? { x5c: [...x5c] } : {}) };
  const issue = () => {
    const { issuer, issuedAt, expiresAt, vct, akaVcts, claims } = source.content();
    const visible = { iss: issuer, iat: issuedAt, exp: expiresAt, vct, aka_vcts: [...akaVcts] };
    const frame = { _sd: Object.keys(claims) as never[] };
    return library.issue({ ...visible, ...claims }, frame, { header });
  };
  const verify = (text: string) => library.verify(text);
  return libraryLegs({ sign: NAMES.theirSign, verify: NAMES.theirVerify }, { issue, verify });
}

/** What another's library does with certificates like ours: makes them, and verifies those that it made. */
export function libraryLegs(
  names: { readonly sign: string; readonly verify: string },
  { issue, verify }: { issue(): Promise<string>; verify(text: string): Promise<unknown> },
): Leg[] {
  const texts: string[] = [];
  let presented = 0;
  const server = process.pid;
  return [
    {
      name: names.sign,
      server,
      run: (ms) =>
        inLanes(LANES, ms, async () => {
          const text = await issue();
          if (texts.length < TEXTS) texts.push(text);
          return 1;
        }),
    },
    {
      name: names.verify,
      server,
      prepare: async () => {
        while (texts.length < TEXTS) texts.push(await issue());
      },
      run: (ms) =>
        inLanes(LANES, ms, async () => {
          presented += 1;
          await verify(texts[presented % texts.length] ?? '');
          return 1;
        }),
    },
  ];
}
