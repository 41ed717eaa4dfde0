import { mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/kernel/clock.ts';
import type { SigningKey } from '../src/kernel/signing-key.ts';
import { readKeyRing } from '../src/key-ring.ts';
import { type Certificates, issueCertificates, registerOath } from '../src/network/demo-counter.ts';
import { inventCouple } from '../src/network/demo-couple.ts';
import { DemoNode } from '../src/network/demo-node.ts';
import { demandFreePorts } from '../src/network/free-ports.ts';
import { LocalNetwork } from '../src/network/local-network.ts';
import { readNetworkFile } from '../src/network/network-file.ts';
import { type NetworkPlan, planNetwork } from '../src/network/network-plan.ts';
import { anchorFiles, authorityFiles } from '../src/network/prepare-keys.ts';
import { publishedRuleBook } from '../src/registry/authorities.ts';

export type InteropNetwork = {
  readonly anchor: { readonly entityId: string };
  /** The demonstration root that issued the authorities' leaves: base64 DER. */
  readonly root: string;
  /** Registers and issues. */
  readonly issuer: DemoNode;
  /** Another city. */
  readonly verifier: DemoNode;
  /** The key that the issuer signs certificates with. */
  readonly issuerKey: SigningKey;
  /** The key that the issuer signs its entity configuration with. */
  readonly federationKey: SigningKey;
  stop(): Promise<void>;
};

const [ISSUER, VERIFIER] = ['hirakata', 'sakai'] as const;

/**
 * A trust anchor and two authorities as `npm start` runs them, on ports and in a folder of their own.
 *
 * @throws StartFault, EmbeddedPostgresFault, MigrationFault; the signal's reason
 */
export async function startInteropNetwork(signal: AbortSignal): Promise<InteropNetwork> {
  const data = join(tmpdir(), `chikai-interop-${process.pid}`);
  // To be entered, not listed: as root PostgreSQL may have to run as another user.
  await mkdir(data, { mode: 0o711 });
  const plan = await planOnFreePorts(data);
  const lost = new AbortController();
  const network = new LocalNetwork(plan, systemClock, {
    onStep: () => undefined,
    onRevived: () => undefined,
    onLost: (reason) => lost.abort(reason),
  });
  const stop = async () => {
    await network.stop();
    await rm(data, { recursive: true, force: true });
  };
  try {
    const { notRecognising } = await network.start(AbortSignal.any([signal, lost.signal]));
    if (notRecognising.length > 0) throw new Error('the two authorities do not recognise each other');
    return { ...(await describe(plan)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function planOnFreePorts(data: string): Promise<NetworkPlan> {
  for (let attempt = 1; ; attempt += 1) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const plan = planNetwork(publishedRuleBook.authorities, { data, port, chosen: [ISSUER, VERIFIER] });
    try {
      await demandFreePorts(plan, 0);
      return plan;
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

async function describe(plan: NetworkPlan): Promise<Omit<InteropNetwork, 'stop'>> {
  const running = await readNetworkFile(plan.data);
  const node = (id: string): DemoNode => {
    const authority = running?.authorities.find((each) => each.id === id);
    if (!authority) throw new Error(`${id} is not among the authorities that were started`);
    return new DemoNode(authority);
  };
  const issuerPlan = plan.authorities.find(({ id }) => id === ISSUER);
  if (!issuerPlan) throw new Error(`${ISSUER} is not in the plan`);
  const files = anchorFiles(plan.anchor);
  const { certificate: root } = (await readJson(files.certificateAuthority)) as { certificate: string };
  const outcome = readKeyRing(await readJson(authorityFiles(issuerPlan).keys));
  if ('faults' in outcome) throw new Error(outcome.faults.join('; '));
  return {
    anchor: { entityId: plan.anchor.entityId },
    root,
    issuer: node(ISSUER),
    verifier: node(VERIFIER),
    issuerKey: outcome.ring.certificate,
    federationKey: outcome.ring.federation,
  };
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** A couple of invented people with their certificates to carry. */
export type SwornCouple = { readonly registrationId: string; readonly certificates: Certificates };

/** Registers a fictional couple, new at each call, and has its certificates issued. */
export async function swearIn(node: DemoNode): Promise<SwornCouple> {
  const { registrationId } = await registerOath(node, inventCouple(node.authority.code));
  return { registrationId, certificates: await issueCertificates(node, registrationId) };
}
