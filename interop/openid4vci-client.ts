import type { CredentialResponse } from '@openid4vc/openid4vci';
import { verifyValid } from '../src/network/demo-counter.ts';
import type { DemoNode } from '../src/network/demo-node.ts';
import { decodeCompactJws } from './compact-jws.ts';
import { type InteropNetwork, swearIn } from './network.ts';
import { onlyCertificate, ProtocolWallet } from './protocol-wallet.ts';
import { type Client, hold, holdRefused } from './steps.ts';
import type { WalletKey } from './wallet-keys.ts';
import { approveIssuance, demandApprovals, offerAtCounter, offerToSelf } from './wallet-offer.ts';

const STEPS = [
  'reads the offer by reference',
  'reads the metadata of issuer and authorization server',
  'is refused with a wrong transaction code',
  'trades code and transaction code for a token bound to its key, after a DPoP nonce',
  'is refused when it uses the code again',
  'fetches a nonce, proves a key and receives the certificate',
  'is refused when it uses the nonce again',
  'tells that it accepted the certificate',
  'is told to wait where an approver decides',
  'receives the deferred certificate',
] as const;

/** A wallet at the level of the protocol: it shows each message, and checks each by its own schema. */
export function openid4vciClient({ issuer, verifier }: InteropNetwork): Client<(typeof STEPS)[number]> {
  return {
    name: '@openid4vc/openid4vci 0.4.6',
    steps: STEPS,
    run: async (take) => {
      const { registrationId } = await swearIn(issuer);
      const wallet = new ProtocolWallet();
      const atCounter = async () => wallet.readOffer(await offerAtCounter(issuer, registrationId, 'first'));
      const first = await take('reads the offer by reference', async () => {
        const session = await atCounter();
        hold(
          session.offer.credential_issuer === issuer.authority.entityId &&
            session.offer.credential_configuration_ids.length === 1,
          'the offer is the authority’s, for one certificate',
        );
        return session;
      });
      await take('reads the metadata of issuer and authorization server', async () => {
        await wallet.readMetadata(first);
        hold(
          first.metadata?.originalDraftVersion === 'V1',
          'the metadata are those of the final specification',
        );
      });
      await take('is refused with a wrong transaction code', () =>
        holdRefused(
          () => wallet.requestToken(first, wrongCode(first.made.transactionCode)),
          /invalid_grant/,
          'the code on paper is another one',
        ),
      );
      await take(
        'trades code and transaction code for a token bound to its key, after a DPoP nonce',
        async () => {
          await wallet.requestToken(first, first.made.transactionCode);
          hold(first.token?.type === 'DPoP', 'the token is bound to the wallet’s key');
          hold(wallet.wasAskedForNonce, 'the server first asked for a nonce (RFC 9449 §8)');
        },
      );
      await take('is refused when it uses the code again', () =>
        holdRefused(
          () => wallet.requestToken(first, first.made.transactionCode),
          /invalid_grant/,
          'a code is good once',
        ),
      );
      const nonce = await take('fetches a nonce, proves a key and receives the certificate', async () => {
        const nonce = await wallet.requestNonce(first);
        const { credentials, notification_id } = await wallet.requestCredential(first, nonce);
        first.notificationId = notification_id;
        await holdBound(verifier, credentials, first.holder);
        return nonce;
      });
      await take('is refused when it uses the nonce again', () =>
        holdRefused(
          () => wallet.requestCredential(first, nonce),
          /invalid_nonce|invalid_proof/,
          'a nonce is good once',
        ),
      );
      await take('tells that it accepted the certificate', () => wallet.notify(first));

      // At the other node, because its rules are changed for this.
      const elsewhere = await swearIn(verifier);
      const deferred = await take('is told to wait where an approver decides', async () => {
        await demandApprovals(verifier);
        const session = await wallet.readOffer(
          await offerToSelf(verifier, elsewhere.registrationId, 'second'),
        );
        hold(session.made.needsApproval, 'the offer says that an approver decides');
        await wallet.readMetadata(session);
        await wallet.requestToken(session, session.made.transactionCode);
        const { transaction_id } = await wallet.requestCredential(
          session,
          await wallet.requestNonce(session),
        );
        hold(transaction_id !== undefined, 'the wallet has a number to ask again with');
        session.transactionId = transaction_id;
        const still = await wallet.requestDeferred(session);
        hold(still.transaction_id === transaction_id, 'nobody has decided yet');
        return session;
      });
      await take('receives the deferred certificate', async () => {
        await approveIssuance(verifier, elsewhere.registrationId);
        const { credentials } = await wallet.requestDeferred(deferred);
        await holdBound(issuer, credentials, deferred.holder);
      });
    },
  };
}

/** One certificate, good at another node, and bound to the wallet's key. */
async function holdBound(
  other: DemoNode,
  credentials: CredentialResponse['credentials'],
  holder: WalletKey,
): Promise<void> {
  const text = onlyCertificate(credentials);
  await verifyValid(other, text);
  const { cnf } = decodeCompactJws(text).payload as { cnf?: { jwk?: { x?: string } } };
  hold(cnf?.jwk?.x === holder.publicJwk.x, 'it is bound to the key that was proved');
}

function wrongCode(code: string): string {
  return String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0');
}
