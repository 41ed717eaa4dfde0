import { isJsonObject } from '../kernel/strict-json.ts';
import { CONFIGURATION_ID } from './credential-offer.ts';
import { oauthRefusal } from './oauth-refusal.ts';

type Body = { readonly [member: string]: unknown };

/**
 * Reads a credential request (OpenID4VCI 1.0 §8.2); members that nobody knows are passed over. The token response names
 * no credential identifiers, so there is none to ask for.
 *
 * @returns the one key proof
 * @throws Refusal `oauth_refused` by the names of §8.3.1.2
 */
export function readCredentialRequest(body: Body): string {
  const { credential_configuration_id: configuration, credential_identifier: identifier } = body;
  if ((configuration === undefined) === (identifier === undefined))
    throw oauthRefusal('invalid_credential_request', 'one of configuration and identifier is wanted');
  if (typeof (configuration ?? identifier) !== 'string') throw oauthRefusal('invalid_credential_request');
  if (identifier !== undefined) throw oauthRefusal('unknown_credential_identifier');
  if (configuration !== CONFIGURATION_ID) throw oauthRefusal('unknown_credential_configuration');
  // An answer in clear to whoever asked for a sealed one would be worse than none.
  if (body.credential_response_encryption !== undefined)
    throw oauthRefusal('invalid_encryption_parameters', 'responses are not encrypted');
  return onlyProof(body.proofs);
}

function onlyProof(proofs: unknown): string {
  if (!isJsonObject(proofs) || Object.keys(proofs).length !== 1 || !Array.isArray(proofs.jwt))
    throw oauthRefusal('invalid_proof', 'proofs of type jwt are wanted');
  const [proof, ...others] = proofs.jwt;
  if (typeof proof !== 'string' || others.length > 0)
    throw oauthRefusal('invalid_proof', 'exactly one proof is wanted');
  return proof;
}

/** Reads a deferred credential request (§9.1). @throws Refusal `oauth_refused` */
export function readDeferredRequest(body: Body): string {
  const { transaction_id: transactionId } = body;
  if (typeof transactionId !== 'string') throw oauthRefusal('invalid_credential_request');
  if (body.credential_response_encryption !== undefined)
    throw oauthRefusal('invalid_encryption_parameters', 'responses are not encrypted');
  return transactionId;
}

export const NOTIFICATION_EVENTS = [
  'credential_accepted',
  'credential_failure',
  'credential_deleted',
] as const;
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** ASCII as §11.1 allows it. Nobody reads it here: what a wallet writes may name a person. */
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/;

/** Reads a notification (§11.1). @throws Refusal `oauth_refused` `invalid_notification_request` */
export function readNotification(body: Body): {
  readonly notificationId: string;
  readonly event: NotificationEvent;
} {
  const { notification_id: notificationId, event_description: description } = body;
  const event = NOTIFICATION_EVENTS.find((each) => each === body.event);
  if (typeof notificationId !== 'string' || event === undefined)
    throw oauthRefusal('invalid_notification_request');
  if (description !== undefined && !(typeof description === 'string' && DESCRIPTION.test(description)))
    throw oauthRefusal('invalid_notification_request', 'event_description');
  return { notificationId, event };
}
