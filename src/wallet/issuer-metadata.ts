import type { EntityId } from '../kernel/authority.ts';
import { CONFIGURATION_ID, PRE_AUTHORIZED_CODE_GRANT } from './credential-offer.ts';

/** Where the endpoints stand, below the authority's own address. */
export const WALLET_PATHS = {
  token: '/wallet/token',
  nonce: '/wallet/nonce',
  credential: '/wallet/credential',
  deferred: '/wallet/deferred-credential',
  notification: '/wallet/notification',
} as const;

const ALGORITHMS = ['ES256'];

/** The parts of the certificate's type metadata that a wallet shows. */
export type ShownType = {
  readonly vct: string;
  readonly display: readonly {
    readonly locale: string;
    readonly name: string;
    readonly description: string;
  }[];
  readonly claims: readonly {
    readonly path: readonly string[];
    readonly mandatory: boolean;
    readonly display: readonly { readonly locale: string; readonly label: string }[];
  }[];
};

/** Credential issuer metadata (OpenID4VCI 1.0 §12.2.4). Every address is this authority's own: a wallet asks nobody else. */
export function credentialIssuerMetadata(
  entityId: EntityId,
  name: { readonly ja: string; readonly en: string },
  type: ShownType,
) {
  return {
    credential_issuer: entityId,
    credential_endpoint: `${entityId}${WALLET_PATHS.credential}`,
    nonce_endpoint: `${entityId}${WALLET_PATHS.nonce}`,
    deferred_credential_endpoint: `${entityId}${WALLET_PATHS.deferred}`,
    notification_endpoint: `${entityId}${WALLET_PATHS.notification}`,
    display: [
      { name: name.ja, locale: 'ja' },
      { name: name.en, locale: 'en' },
    ],
    credential_configurations_supported: {
      [CONFIGURATION_ID]: {
        format: 'dc+sd-jwt',
        vct: type.vct,
        scope: CONFIGURATION_ID,
        cryptographic_binding_methods_supported: ['jwk'],
        credential_signing_alg_values_supported: ALGORITHMS,
        proof_types_supported: { jwt: { proof_signing_alg_values_supported: ALGORITHMS } },
        credential_metadata: {
          display: type.display.map(({ locale, name, description }) => ({ name, locale, description })),
          claims: type.claims.map(({ path, mandatory, display }) => ({
            path: [...path],
            mandatory,
            display: display.map(({ locale, label }) => ({ name: label, locale })),
          })),
        },
      },
    },
  };
}

/**
 * Authorization server metadata (RFC 8414 §2). A server of this one grant has no response types (OpenID4VCI 1.0
 * §12.2.4), and wallets are not known to it: the transaction code and the DPoP key take the place of a client.
 */
export function authorizationServerMetadata(entityId: EntityId) {
  return {
    issuer: entityId,
    token_endpoint: `${entityId}${WALLET_PATHS.token}`,
    token_endpoint_auth_methods_supported: ['none'],
    grant_types_supported: [PRE_AUTHORIZED_CODE_GRANT],
    'pre-authorized_grant_anonymous_access_supported': true,
    dpop_signing_alg_values_supported: ALGORITHMS,
    scopes_supported: [CONFIGURATION_ID],
  };
}
