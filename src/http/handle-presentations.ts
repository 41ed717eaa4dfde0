import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { handOutPresentation } from '../wallet/hand-out-presentation.ts';
import { type PresentationReading, readPresentation } from '../wallet/read-presentation.ts';
import { receivePresentation } from '../wallet/receive-presentation.ts';
import { type PresentationWish, requestPresentation } from '../wallet/request-presentation.ts';
import type { operations } from './api.generated.ts';
import { verificationBody } from './handle-verification.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Operations =
  | 'requestPresentation'
  | 'getPresentation'
  | 'getPresentationRequest'
  | 'receivePresentation';

type WishBody = operations['requestPresentation']['requestBody']['content']['application/json'];
type ReadingBody = operations['getPresentation']['responses'][200]['content']['application/json'];

/** What a wallet presented is for one reader and one time: no cache keeps it. */
const NO_STORE = { 'cache-control': 'no-store' };

export function presentationHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault, entityId, authority, nameOf, directory } = node;
  const deps = {
    db,
    clock,
    vault,
    entityId,
    authority,
    nameOf,
    signer: node.presentation,
    vctsOf: (member?: AuthorityCode) => vctsOf(node, member),
    trust: () => directory.trustView(),
    verifierConfiguration: node.publications.verifierConfiguration,
  };
  return {
    async requestPresentation({ body, actor }) {
      const { expiresAt, ...made } = await requestPresentation(deps, actor, wishOf(body));
      return { status: 201, headers: NO_STORE, body: { ...made, expiresAt: expiresAt.toISOString() } };
    },

    async getPresentation({ params, headers }) {
      const reading = await readPresentation(deps, params.requestId, headers['x-request-secret'] ?? '');
      return { status: 200, headers: NO_STORE, body: readingBody(node, reading) };
    },

    async getPresentationRequest({ params }) {
      const text = await handOutPresentation(deps, params.reference);
      return {
        status: 200,
        contentType: 'application/oauth-authz-req+jwt',
        headers: NO_STORE,
        body: text,
      };
    },

    async receivePresentation({ params, rawBody }) {
      await receivePresentation(deps, params.reference, rawBody);
      return { status: 200, headers: NO_STORE, body: {} };
    },
  };
}

/**
 * The types a wallet may hold. It matches `vct` alone (`aka_vcts` help verifiers only), so every member's is named,
 * a former one's too: its certificates still run.
 */
function vctsOf({ directory }: NodeParts, member: AuthorityCode | undefined): readonly string[] {
  if (member === undefined)
    return [directory.trustView().baseVct, ...directory.known().map(({ vct }) => vct)];
  const lookup = directory.trustView().issuerByCode(member);
  return lookup.kind === 'known' ? lookup.issuer.vcts : [];
}

function wishOf({ purpose, claims, transferId, clientIdPrefix, responseMode }: WishBody): PresentationWish {
  const how = {
    clientIdPrefix: clientIdPrefix ?? 'x509_hash',
    responseMode: responseMode ?? 'direct_post.jwt',
  } as const;
  switch (purpose) {
    case 'verification':
      if (transferId !== undefined) refuse('/transferId', 'not_expected');
      return { ...how, purpose, claims: claims ?? [] };
    case 'transfer_consent':
      // What the consent needs is fixed, and who asks for it must be known to the wallet by a signature.
      if (claims !== undefined) refuse('/claims', 'not_expected');
      if (how.clientIdPrefix === 'redirect_uri') refuse('/clientIdPrefix', 'signed_request');
      return { ...how, purpose, transferId: transferId ?? refuse('/transferId', 'required') };
  }
}

function refuse(pointer: string, rule: string): never {
  throw new Refusal('request_malformed', { pointer, rule });
}

function readingBody(node: NodeParts, reading: PresentationReading): ReadingBody {
  switch (reading.state) {
    case 'answered':
      return { state: reading.state, verification: verificationBody(node, reading.verification) };
    case 'failed':
      return { state: reading.state, reason: reading.reason };
    case 'open':
    case 'read':
    case 'expired':
      return { state: reading.state };
  }
}
