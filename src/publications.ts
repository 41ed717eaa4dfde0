import { certificateVct, typeMetadata } from './certificate/type-metadata.ts';
import type { Config } from './config.ts';
import { authorityConfiguration } from './federation/authority-metadata.ts';
import { signEntityStatement } from './federation/entity-statement.ts';
import { signHistoricalKeys } from './federation/historical-keys.ts';
import { BASE_VCT_PATH } from './federation/member-directory.ts';
import type { Publications } from './http/node-parts.ts';
import { canonicalJson } from './kernel/canonical-json.ts';
import { type Clock, epochSeconds } from './kernel/clock.ts';
import { sha256Base64url } from './kernel/digest.ts';
import type { PublicJwk } from './kernel/signing-key.ts';
import type { JsonObject } from './kernel/strict-json.ts';
import { historicalKeys, issuerKeys, verifyingPast } from './key-rollover.ts';
import { verifierMetadata } from './wallet/presentation-question.ts';
import { REQUEST_SECONDS } from './wallet/request-presentation.ts';

/** How long a self-signed statement is valid; it is signed anew from half of it on. */
const STATEMENT_SECONDS = 86_400;

export function statusListUri(config: Config): string {
  return `${config.issuer}/status-lists/1`;
}

/** What this authority publishes about itself (OpenID Federation 1.0 §9, SD-JWT VC §4 and §5). */
export function makePublications(
  config: Config,
  clock: Clock,
  about: {
    readonly name: { readonly ja: string; readonly en: string };
    readonly contact: string;
    readonly trustMarks: () => readonly string[];
  },
): Publications {
  const { issuer, keys } = config;
  let signed:
    | { readonly text: string; readonly issuedAt: number; readonly marks: readonly string[] }
    | undefined;
  const configuration = (issuedAt: number, expiresAt: number, encryptionKey?: PublicJwk) => {
    const { presentation } = keys;
    const claims = authorityConfiguration(
      {
        entityId: issuer,
        anchorId: config.anchor,
        superiorId: config.superior,
        code: config.authority,
        name: about.name,
        contacts: [about.contact],
        federationKeys: [keys.federation.publicJwk],
        issuerKeys: issuerKeys(keys, clock()),
        retiredIssuerKeys: verifyingPast(keys, clock()).map(({ publicJwk: { kid }, retiredAt }) => ({
          kid,
          retiredAt,
        })),
        messageSigningKeys: [keys.message.publicJwk],
        messageEncryptionKeys: [keys.decryption.publicJwk],
        statusListUri: statusListUri(config),
        vct: certificateVct(issuer),
        messageEndpoint: `${issuer}/federation/messages`,
        statusPushEndpoint: `${issuer}/federation/status-lists`,
        verificationEndpoint: `${issuer}/v1/verifications`,
        historicalKeysEndpoint: `${issuer}/federation/historical-keys`,
        verifier: presentation && verifierMetadata(about.name, presentation.publicJwk, encryptionKey),
        trustMarks: about.trustMarks(),
      },
      { issuedAt, expiresAt },
    );
    return signEntityStatement(claims, keys.federation);
  };
  return {
    get issuerKeys() {
      return issuerKeys(keys, clock());
    },
    typeMetadata: typeMetadata(issuer, about.name, { vct: `${config.anchor}${BASE_VCT_PATH}` }) as Record<
      string,
      unknown
    >,

    async entityConfiguration() {
      const now = epochSeconds(clock());
      const marks = about.trustMarks();
      if (signed && signed.marks === marks && now - signed.issuedAt < STATEMENT_SECONDS / 2)
        return signed.text;
      signed = { text: await configuration(now, now + STATEMENT_SECONDS), issuedAt: now, marks };
      return signed.text;
    },

    verifierConfiguration(encryptionKey) {
      const now = epochSeconds(clock());
      return configuration(now, now + REQUEST_SECONDS, encryptionKey);
    },

    async historicalKeys() {
      const past = historicalKeys(keys);
      const signer = { entityId: issuer, signingKey: keys.federation };
      const token = await signHistoricalKeys(signer, past, epochSeconds(clock()));
      // Of what it tells and not of the text, which is signed anew: others look every few seconds.
      return {
        token,
        etag: `"${sha256Base64url(canonicalJson(JSON.parse(JSON.stringify(past)) as JsonObject))}"`,
      };
    },
  };
}
