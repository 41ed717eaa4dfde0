import { certificateVct, typeMetadata } from './certificate/type-metadata.ts';
import type { Config } from './config.ts';
import { authorityConfiguration } from './federation/authority-metadata.ts';
import { signEntityStatement } from './federation/entity-statement.ts';
import { BASE_VCT_PATH } from './federation/member-directory.ts';
import type { Publications } from './http/node-parts.ts';
import { type Clock, epochSeconds } from './kernel/clock.ts';
import { signCompactJws } from './kernel/compact-jws.ts';

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
  return {
    issuerKeys: [keys.certificate.publicJwk],
    typeMetadata: typeMetadata(issuer, about.name, { vct: `${config.anchor}${BASE_VCT_PATH}` }) as Record<
      string,
      unknown
    >,

    async entityConfiguration() {
      const now = epochSeconds(clock());
      const marks = about.trustMarks();
      if (signed && signed.marks === marks && now - signed.issuedAt < STATEMENT_SECONDS / 2)
        return signed.text;
      const claims = authorityConfiguration(
        {
          entityId: issuer,
          anchorId: config.anchor,
          code: config.authority,
          name: about.name,
          contacts: [about.contact],
          federationKeys: [keys.federation.publicJwk],
          issuerKeys: [keys.certificate.publicJwk],
          messageSigningKeys: [keys.message.publicJwk],
          messageEncryptionKeys: [keys.decryption.publicJwk],
          statusListUri: statusListUri(config),
          vct: certificateVct(issuer),
          messageEndpoint: `${issuer}/federation/messages`,
          statusPushEndpoint: `${issuer}/federation/status-lists`,
          verificationEndpoint: `${issuer}/v1/verifications`,
          historicalKeysEndpoint: `${issuer}/federation/historical-keys`,
          trustMarks: marks,
        },
        { issuedAt: now, expiresAt: now + STATEMENT_SECONDS },
      );
      signed = { text: await signEntityStatement(claims, keys.federation), issuedAt: now, marks };
      return signed.text;
    },

    historicalKeys() {
      // No key of this authority has been retired yet; the list is signed all the same (§8.7).
      const claims = { iss: issuer, iat: epochSeconds(clock()), keys: [] };
      return signCompactJws(
        { typ: 'jwk-set+jwt', kid: keys.federation.kid },
        claims,
        keys.federation.privateKey,
      );
    },
  };
}
