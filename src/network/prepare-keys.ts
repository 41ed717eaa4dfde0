import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readAnchorKeys } from '../anchor-config.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueSigningCertificate,
} from '../federation/certificate-authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { type PrivateJwk, type PublicJwk, signingKeyFromJwk } from '../kernel/signing-key.ts';
import { completeKeyFile, generateKeyFile, type KeyRing, readKeyRing } from '../key-ring.ts';
import type { AuthorityPlan, NodePlan } from './network-plan.ts';
import { fileDamaged, readJson, writeJson } from './private-file.ts';
import { StartFault } from './start-fault.ts';

export function anchorFiles({ folder }: NodePlan) {
  return {
    keys: join(folder, 'keys.json'),
    /** What every authority pins, as it would after a ceremony. */
    publicKeys: join(folder, 'public-keys.json'),
    /** Apart from the keys: the anchor's process, which answers strangers, never gets it. */
    certificateAuthority: join(folder, 'certificate-authority.json'),
    members: join(folder, 'members.json'),
    log: join(folder, 'process.log'),
  };
}

export function authorityFiles({ folder }: NodePlan) {
  return {
    keys: join(folder, 'keys.json'),
    x5c: join(folder, 'x5c.json'),
    log: join(folder, 'process.log'),
  };
}

/**
 * The anchor's keys, made at the first start.
 *
 * @param inUse the folder holds a network already, so keys that are not there are lost and not yet to be made
 * @throws StartFault `file_damaged`, `keys_missing`, `folder_unusable`
 */
export async function prepareAnchorKeys(
  anchor: NodePlan,
  { inUse, clock }: { inUse: boolean; clock: Clock },
): Promise<CertificateAuthority> {
  const files = anchorFiles(anchor);
  await mkdir(anchor.folder, { recursive: true, mode: 0o700 });
  const keys = readAnchorKeys(await readOrMake(files.keys, inUse, async () => ({ federation: newJwk() })));
  if ('faults' in keys) throw fileDamaged(files.keys, keys.faults.join('; '));
  const published = { keys: [keys.signingKey.publicJwk, ...keys.nextKeys] };
  if (JSON.stringify(await readJson(files.publicKeys)) !== JSON.stringify(published)) {
    await writeJson(files.publicKeys, published);
  }
  // A lost root only makes new leaves necessary; nothing that was sealed or signed for the network hangs on it.
  const root = await readOrMake(files.certificateAuthority, false, () => newRoot(clock));
  return readRoot(root, files.certificateAuthority);
}

/**
 * An authority's keys, made before its database is, and its leaf certificate.
 *
 * @param inUse its database exists, which nobody can read without the keys it was filled with
 * @throws StartFault `file_damaged`, `keys_missing`, `folder_unusable`
 */
export async function prepareAuthorityKeys(
  authority: AuthorityPlan,
  { inUse, clock, ca }: { inUse: boolean; clock: Clock; ca: CertificateAuthority },
): Promise<KeyRing> {
  const files = authorityFiles(authority);
  await mkdir(authority.folder, { recursive: true, mode: 0o700 });
  const found = await readOrMake(files.keys, inUse, async () => generateKeyFile(clock()));
  const read = readKeyRing(found);
  if ('faults' in read) throw fileDamaged(files.keys, read.faults.join('; '));
  const completed = completeKeyFile(found as Record<string, unknown>, clock());
  if (completed !== found) await writeJson(files.keys, completed);
  const outcome = readKeyRing(completed);
  if ('faults' in outcome) throw fileDamaged(files.keys, outcome.faults.join('; '));
  await prepareLeaves(authority, outcome.ring, { clock, ca });
  return outcome.ring;
}

/** A leaf for each key that wallets or readers of a PDF are to know; one that is still good is kept. */
async function prepareLeaves(
  authority: AuthorityPlan,
  { certificate, certificateNext, presentation, seal }: KeyRing,
  { clock, ca }: { clock: Clock; ca: CertificateAuthority },
): Promise<void> {
  const path = authorityFiles(authority).x5c;
  const { entityId, name } = authority;
  const found = await readJson(path);
  const before: Record<string, unknown> = Array.isArray(found)
    ? { certificate: found }
    : { ...(found as Record<string, unknown> | undefined) };
  const chains: Record<string, unknown> = {};
  for (const [purpose, key] of Object.entries({ certificate, certificateNext, presentation, seal })) {
    if (!key) continue;
    const { publicJwk } = key;
    const isGood = (chain: unknown) => leafIsGood(chain, { ca, publicJwk, entityId, at: clock() });
    const leaf = {
      entityId,
      organization: name.ja,
      publicJwk,
      notBefore: clock(),
      isSeal: purpose === 'seal',
    };
    chains[purpose] = Object.values(before).find(isGood) ?? [await issueSigningCertificate(ca, leaf)];
  }
  if (JSON.stringify(chains) !== JSON.stringify(found)) await writeJson(path, chains);
}

async function readOrMake(path: string, inUse: boolean, make: () => Promise<unknown>): Promise<unknown> {
  const found = await readJson(path);
  if (found !== undefined) return found;
  if (inUse) {
    throw new StartFault('keys_missing', {
      ja: `${path} がありません。バックアップから戻すか、データフォルダーを退避して空から始めてください`,
      en: `${path} is missing although its data are there: restore it from a backup, or move the data folder away to start empty.`,
    });
  }
  const made = await make();
  await writeJson(path, made);
  return made;
}

function newJwk(): PrivateJwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'jwk' }) as PrivateJwk;
}

async function newRoot(clock: Clock): Promise<unknown> {
  const jwk = newJwk();
  const name = 'Chikai demonstration root';
  const { certificate } = await createCertificateAuthority(signingKeyFromJwk(jwk), {
    name,
    notBefore: clock(),
  });
  return { key: jwk, certificate };
}

function readRoot(json: unknown, path: string): CertificateAuthority {
  try {
    const { key, certificate } = json as { key: PrivateJwk; certificate: string };
    new X509Certificate(Buffer.from(certificate, 'base64'));
    return { key: signingKeyFromJwk(key), certificate };
  } catch {
    throw fileDamaged(path, 'it holds no root key and certificate');
  }
}

const RENEW_BEFORE_DAYS = 30;

/** Of our root, for this key and this address, and good for another 30 days. */
function leafIsGood(
  x5c: unknown,
  expected: { ca: CertificateAuthority; publicJwk: PublicJwk; entityId: string; at: Date },
): boolean {
  if (!Array.isArray(x5c) || x5c.length !== 1 || typeof x5c[0] !== 'string') return false;
  try {
    const leaf = new X509Certificate(Buffer.from(x5c[0], 'base64'));
    const root = new X509Certificate(Buffer.from(expected.ca.certificate, 'base64'));
    const { x, y } = leaf.publicKey.export({ format: 'jwk' });
    const remainingMs = leaf.validToDate.getTime() - expected.at.getTime();
    return (
      leaf.checkIssued(root) &&
      leaf.verify(root.publicKey) &&
      x === expected.publicJwk.x &&
      y === expected.publicJwk.y &&
      (leaf.subjectAltName ?? '').split(', ').includes(`URI:${expected.entityId}`) &&
      remainingMs > RENEW_BEFORE_DAYS * 86_400_000
    );
  } catch {
    return false;
  }
}
