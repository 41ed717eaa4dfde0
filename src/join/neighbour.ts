import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signCertificate } from '../certificate/sd-jwt-vc.ts';
import { emptyStatusList, INVALID, signStatusList, writeStatus } from '../certificate/status-list.ts';
import { certificateVct } from '../certificate/type-metadata.ts';
import { authorityConfiguration } from '../federation/authority-metadata.ts';
import {
  configurationUrl,
  ENTITY_STATEMENT_MEDIA_TYPE,
  parseEntityStatement,
  signEntityStatement,
} from '../federation/entity-statement.ts';
import { makeStatementFetcher } from '../federation/fetch-statement.ts';
import { fetchTrustMark } from '../federation/fetch-trust-mark.ts';
import { BASE_VCT_PATH } from '../federation/member-directory.ts';
import { agreementId, mutualRecognitionMark, TRUST_MARK_MEDIA_TYPE } from '../federation/trust-mark.ts';
import type { AuthorityCode, EntityId } from '../kernel/authority.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { SigningKey } from '../kernel/signing-key.ts';
import { generateKeyFile, type KeyRing, readKeyRing } from '../key-ring.ts';

/** How a neighbour behaves. Only the good one may be believed. */
export type Behaviour = 'good' | 'redirecting' | 'silent' | 'other_key' | 'ahead';

const AHEAD_SECONDS = 90;
const DAY_SECONDS = 86_400;

/**
 * A second authority that this command plays: an address on loopback and keys of its own, with statements, lists and
 * certificates made by the very code that a node makes them with.
 */
export class Neighbour {
  readonly code: AuthorityCode;
  readonly behaviour: Behaviour;
  readonly keys: KeyRing = newKeys();
  readonly #clock: Clock;
  readonly #anchor: EntityId;
  readonly #list = emptyStatusList();
  readonly #server: Server;
  #entityId: EntityId | undefined;
  /** Requests that came to the place to which the redirecting one points. */
  followed = 0;

  constructor(behaviour: Behaviour, terms: { code: AuthorityCode; anchor: EntityId; clock: Clock }) {
    this.behaviour = behaviour;
    this.code = terms.code;
    this.#anchor = terms.anchor;
    this.#clock = terms.clock;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get entityId(): EntityId {
    if (this.#entityId === undefined) throw new Error('the neighbour does not listen yet');
    return this.#entityId;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    this.#entityId = `http://127.0.0.1:${port}` as EntityId;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The certificate of a couple that nobody is; `idx` is its place in the neighbour's status list. */
  async certificate(over: { idx: number; key?: SigningKey; ended?: boolean }): Promise<string> {
    const now = epochSeconds(this.#clock());
    const authority = { code: this.code, name: '予行の隣町' };
    const content = {
      issuer: this.entityId,
      vct: certificateVct(this.entityId),
      akaVcts: [`${this.#anchor}${BASE_VCT_PATH}`],
      issuedAt: now - 2 * DAY_SECONDS,
      expiresAt: over.ended ? now - DAY_SECONDS : now + DAY_SECONDS,
      status: { uri: this.#listUri, idx: over.idx },
      claims: {
        registered_name: REHEARSAL_NAMES[0],
        birth_date: '1990-01-01',
        partner_name: REHEARSAL_NAMES[1],
        oath_date: '2024-04-01',
        first_oath_date: '2024-04-01',
        first_authority: authority,
        authority,
        certificate_number: '予行第0001号',
      },
    };
    // under the kid of the published key, whoever signs: that is what a forger would write
    const { kid } = this.keys.certificate;
    const key = { ...(over.key ?? this.keys.certificate), kid };
    return (await signCertificate(content, { key }, randomBytes)).text;
  }

  revoke(idx: number): void {
    writeStatus(this.#list, idx, INVALID);
  }

  statusList(key: SigningKey = this.keys.certificate): Promise<string> {
    const iat = epochSeconds(this.#clock());
    const { kid } = this.keys.certificate;
    const list = { uri: this.#listUri, bits: 1 as const, list: this.#list.bytes };
    return signStatusList({ ...list, iat, exp: iat + 3600, ttl: 60 }, { key: { ...key, kid } });
  }

  get #listUri(): string {
    return `${this.entityId}/status-lists/1`;
  }

  async #answer({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url === '/inside') this.followed += 1;
    if (this.behaviour === 'silent') return;
    if (this.behaviour === 'redirecting') {
      response.writeHead(302, { location: `${this.entityId}/inside` }).end();
      return;
    }
    const send = (type: string, text: string) => response.writeHead(200, { 'content-type': type }).end(text);
    if (url === '/.well-known/openid-federation')
      send(ENTITY_STATEMENT_MEDIA_TYPE, await this.#configuration());
    else if (url === '/status-lists/1') send('application/statuslist+jwt', await this.statusList());
    else response.writeHead(404).end();
  }

  async #configuration(): Promise<string> {
    const { entityId, keys } = this;
    const issuedAt = epochSeconds(this.#clock()) + (this.behaviour === 'ahead' ? AHEAD_SECONDS : 0);
    const mark = await this.#mark().catch(() => undefined);
    const claims = authorityConfiguration(
      {
        entityId,
        anchorId: this.#anchor,
        code: this.code,
        name: { ja: '予行の隣町', en: 'Rehearsal Neighbour' },
        contacts: ['予行'],
        federationKeys: [keys.federation.publicJwk],
        issuerKeys: [keys.certificate.publicJwk],
        messageSigningKeys: [keys.message.publicJwk],
        messageEncryptionKeys: [keys.decryption.publicJwk],
        statusListUri: this.#listUri,
        vct: certificateVct(entityId),
        messageEndpoint: `${entityId}/federation/messages`,
        statusPushEndpoint: `${entityId}/federation/status-lists`,
        verificationEndpoint: `${entityId}/v1/verifications`,
        historicalKeysEndpoint: `${entityId}/federation/historical-keys`,
        trustMarks: mark === undefined ? [] : [mark],
      },
      { issuedAt, expiresAt: issuedAt + DAY_SECONDS },
    );
    return signEntityStatement(claims, keys.federation);
  }

  async #mark(): Promise<string | undefined> {
    const fetchStatement = makeStatementFetcher({ allowLoopback: true });
    const anchor = parseEntityStatement(await fetchStatement(configurationUrl(this.#anchor)));
    if (anchor.kind !== 'configuration') return undefined;
    const type = mutualRecognitionMark(this.#anchor, agreementId(1));
    const fetchText = makeStatementFetcher({ allowLoopback: true, mediaType: TRUST_MARK_MEDIA_TYPE });
    return fetchTrustMark(anchor, { type, sub: this.entityId }, fetchText);
  }
}

/** Nobody's names, which must not turn up in a log either. */
export const REHEARSAL_NAMES = ['予行 一郎', '予行 二葉'] as const;

/** Keys for every purpose, kept in memory alone. */
export function newKeys(): KeyRing {
  const outcome = readKeyRing(generateKeyFile());
  if ('faults' in outcome) throw new Error('new keys are always good');
  return outcome.ring;
}
