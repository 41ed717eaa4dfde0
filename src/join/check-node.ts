import { createHash } from 'node:crypto';
import { type Config, ConfigFault } from '../config.ts';
import { configurationUrl } from '../federation/entity-statement.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { addressChecks, type NodeSubject } from './check-address.ts';
import { clockChecks } from './check-clock.ts';
import { databaseChecks } from './check-database.ts';
import { limitChecks } from './check-limits.ts';
import { type MessageSubject, memberChecks, strangerChecks } from './check-messages.ts';
import { CHECK_NAMES } from './check-name.ts';
import { rehearse, verdictOf } from './check-rehearsal.ts';
import { readSettings, type SettingsSubject, settingsChecks } from './check-settings.ts';
import { statusChecks } from './check-status.ts';
import { trustChecks } from './check-trust.ts';
import { type Checks, type Finding, failed, makeChecks, type Outcome, passed, untested } from './finding.ts';
import { Neighbour, newKeys } from './neighbour.ts';
import type { Host } from './rehearsal.ts';

export type NodeCheck = {
  /** Where the settings are not at hand, only what the outside sees is checked. */
  readonly settings: SettingsSubject | undefined;
  /** The address given, else that of the settings. */
  readonly address: EntityId | undefined;
  readonly clock: SettingsSubject['clock'];
  /** Leaves out what takes long: the rehearsal, and a request that never ends. */
  readonly quick: boolean;
  readonly host: Host;
};

/** All checks of a node, in the order in which they are told. */
export async function checkNode(check: NodeCheck): Promise<readonly Finding[]> {
  const { settings, clock, quick } = check;
  const found = settings && readSettings(settings);
  const config = found instanceof ConfigFault ? undefined : found;
  const address =
    check.address ?? config?.issuer ?? (settings?.environment.CHIKAI_ISSUER as EntityId | undefined);
  const findings: Finding[] = [];
  if (settings) {
    findings.push(...(await makeChecks(settingsChecks(settings))));
    findings.push(...(await makeChecks(databaseChecks(settings.environment.DATABASE_URL, clock))));
  }
  if (address !== undefined) {
    const subject: NodeSubject = { address, config, clock, read: {} };
    findings.push(...(await outsideFindings(subject, quick)));
  }
  if (config && settings && !quick) {
    const { environment } = settings;
    const terms = { environment, code: config.authority, keys: config.keys, clock, host: check.host };
    findings.push(...(await rehearse(config, terms)));
  }
  return findings.toSorted(
    (a, b) =>
      a.place.localeCompare(b.place) * -1 || CHECK_NAMES.indexOf(a.check) - CHECK_NAMES.indexOf(b.check),
  );
}

async function outsideFindings(subject: NodeSubject, quick: boolean): Promise<readonly Finding[]> {
  const { config } = subject;
  const stranger = newKeys();
  const findings = [...(await makeChecks(addressChecks(subject)))];
  const slow = makeChecks(limitChecks(subject, { quick }));
  const references = config ? [configurationUrl(config.anchor), ...hintedPeers(subject)] : [];
  findings.push(...(await makeChecks(clockChecks(subject, references))));
  const trust = await makeChecks(trustChecks(subject));
  findings.push(...trust, ...(await makeChecks(statusChecks(subject, stranger.certificate))));
  const ready = trust.find(({ check }) => check === 'ready')?.outcome ?? untested('no_answer');
  findings.push(...(await makeChecks(messageChecksOf(subject, stranger, ready))));
  findings.push(...(await makeChecks({ verdict_unknown: () => unknownVerdict(subject) })), ...(await slow));
  return findings;
}

function hintedPeers({ read }: NodeSubject): readonly string[] {
  return (read.configuration?.authorityHints ?? []).map((hint) => configurationUrl(hint));
}

/**
 * The running node takes messages of members alone, and the one member whose key is at hand is itself: it is told its
 * own. A query about a case that nobody has changes nothing; a line in its log stays.
 */
function messageChecksOf(
  subject: NodeSubject,
  stranger: { readonly message: SigningKey },
  ready: Outcome,
): Checks {
  const { address, config, clock, read } = subject;
  if (!config || !read.configuration) {
    const reason = config ? ('no_answer' as const) : ('no_settings' as const);
    return { message_stranger: () => untested(reason), message_receipt: () => untested(reason) };
  }
  const { keys } = config;
  const { publicJwk, publicKey } = keys.message;
  const messages: MessageSubject = {
    endpoint: `${address}/federation/messages`,
    to: {
      entityId: address,
      encryptionKey: { kid: keys.decryption.kid, key: keys.decryption.publicKey },
      messageKey: { ...publicJwk, key: publicKey },
    },
    from: { entityId: address, key: keys.message },
    stranger: { entityId: 'https://nobody.example.jp' as EntityId, key: stranger.message },
    tid: checkCase(config),
    clock,
  };
  const ofMembers = memberChecks(messages);
  if (ready.kind === 'passed') return { ...strangerChecks(messages), ...ofMembers };
  const why = ready.kind === 'later' ? ready : untested('no_answer');
  const postponed = Object.keys(ofMembers).map((name) => [name, () => why]);
  return { ...strangerChecks(messages), ...Object.fromEntries(postponed) };
}

/** One case for all checks of a node, so that a check each day leaves one row and not thousands. */
function checkCase({ issuer }: Config): string {
  const hex = createHash('sha256').update(`chikai join ${issuer}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A certificate of an authority that is no member: whatever the node says, it must not say that it is good. */
async function unknownVerdict({ address, config, clock, read }: NodeSubject) {
  if (!read.served) return untested('no_answer');
  const anchor = config?.anchor ?? ('https://anchor.example.jp' as EntityId);
  const neighbour = new Neighbour('good', { code: '270008' as never, anchor, clock });
  await neighbour.listen();
  try {
    const verdict = await verdictOf(address, await neighbour.certificate({ idx: 1 }));
    return ['invalid', 'undetermined'].includes(verdict)
      ? passed
      : failed('verdict_wrong', `${verdict} ≠ not_valid`);
  } finally {
    await neighbour.close();
  }
}
