import { renewalBody, startRenewal } from '../certificate/renew-certificates.ts';
import { type RenewalWish, requireRenewal } from '../certificate/renewal-store.ts';
import { Refusal } from '../kernel/refusal.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type Operations = 'renewCertificates' | 'getCertificateRenewal';
type CertificateRenewal = components['schemas']['CertificateRenewal'];

export function renewalHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, issuerTerms: terms } = node;
  return {
    async renewCertificates({ body, actor, idempotency }) {
      const answer = await startRenewal(
        { db, clock, terms },
        command('renewCertificates', actor, idempotency),
        wishOf(body),
        node.pastCertificateKeys,
      );
      node.wake('renewals');
      return { status: 201, body: answer.body as CertificateRenewal };
    },

    async getCertificateRenewal({ params }) {
      return {
        status: 200,
        body: renewalBody(await requireRenewal(db, params.renewalId)) as CertificateRenewal,
      };
    },
  };
}

/** Each reason has the member that says which certificates, and not the other's. */
function wishOf({
  reason,
  expiringBefore,
  keyId,
}: {
  reason: RenewalWish['reason'];
  expiringBefore?: string;
  keyId?: string;
}): RenewalWish {
  const malformed = (pointer: string, rule: string) => new Refusal('request_malformed', { pointer, rule });
  switch (reason) {
    case 'expiring':
      if (expiringBefore === undefined) throw malformed('/expiringBefore', 'required');
      if (keyId !== undefined) throw malformed('/keyId', 'additionalProperties');
      return { reason, expiringBefore };
    case 'key_compromised':
      if (keyId === undefined) throw malformed('/keyId', 'required');
      if (expiringBefore !== undefined) throw malformed('/expiringBefore', 'additionalProperties');
      return { reason, keyId };
  }
}
