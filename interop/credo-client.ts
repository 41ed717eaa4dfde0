import { CLAIM_NAMES } from '../src/certificate/certificate-content.ts';
import type { components } from '../src/http/api.generated.ts';
import { apply, logIn, openCase, verifyValid } from '../src/network/demo-counter.ts';
import { applicationOfBoth } from '../src/network/demo-couple.ts';
import type { CredoWallet } from './credo-wallet.ts';
import { type InteropNetwork, swearIn } from './network.ts';
import { type AskedPresentation, askToPresent, readPresentation } from './presentation.ts';
import { type Client, hold, holdRefused } from './steps.ts';
import { offerAtCounter } from './wallet-offer.ts';

const STEPS = [
  'reads the offer and the metadata',
  'trades code and transaction code for a token',
  'receives the certificate, and verifies it by x5c and status list',
  'reads the type and the base type',
  'tells that it accepted the certificate',
  'shows one item in the clear (x509_hash, direct_post)',
  'shows two items encrypted (x509_hash, direct_post.jwt)',
  'shows nothing but the certificate, unsigned question (redirect_uri)',
  'is refused when it answers again',
  'signs the consent to a move (transaction_data)',
  'presents a revoked certificate, which is told to be invalid',
] as const;

/** A whole wallet of others: it knows issuers and verifiers by X.509, below the root that it is given. */
export function credoClient(network: InteropNetwork): Client<(typeof STEPS)[number]> {
  const { issuer, verifier } = network;
  return {
    name: '@credo-ts/core and openid4vc 0.6.3',
    steps: STEPS,
    run: async (take) => {
      // Loaded here, because its 200 packages take a second that the other clients need not wait for.
      const { CredoWallet } = await import('./credo-wallet.ts');
      const wallet = await CredoWallet.start(network.root);
      const { registrationId, certificates } = await swearIn(issuer);
      const made = await offerAtCounter(issuer, registrationId, 'first');
      const offer = await take('reads the offer and the metadata', async () => {
        const read = await wallet.readOffer(made.offerUri);
        const known = Object.values(read.offeredCredentialConfigurations);
        hold(known.length === 1 && known[0]?.format === 'dc+sd-jwt', 'the wallet knows what is offered');
        return read;
      });
      const token = await take('trades code and transaction code for a token', async () => {
        const answer = await wallet.requestToken(offer, made.transactionCode);
        hold(answer.dpop !== undefined, 'the token is bound to a key');
        return answer;
      });
      const { record, notificationId } = await take(
        'receives the certificate, and verifies it by x5c and status list',
        async () => {
          const received = await wallet.receive(offer, token);
          const text = received.record.firstCredential.compact;
          hold(
            wallet.fetched.some((path) => path.startsWith('/status-lists/')),
            'it fetched the status list',
          );
          await verifyValid(verifier, text);
          return received;
        },
      );
      await take('reads the type and the base type', async () => {
        hold(record.typeMetadata?.claims?.length === CLAIM_NAMES.length, 'the type describes each item');
        hold(record.extendedVctValues.length === 1, 'the type extends the network’s base type');
      });
      await take('tells that it accepted the certificate', async () => {
        hold(notificationId !== undefined, 'the issuer wants to be told');
        await wallet.notify(offer, token, notificationId);
      });

      await take('shows one item in the clear (x509_hash, direct_post)', async () => {
        const asked = await askToPresent(verifier, {
          purpose: 'verification',
          claims: ['partner_name'],
          clientIdPrefix: 'x509_hash',
          responseMode: 'direct_post',
        });
        const request = await wallet.readRequest(asked.requestUri);
        hold(request.verifier.clientIdPrefix === 'x509_hash', 'the wallet knows who asks');
        await answerWith(wallet, request);
        await holdShown(asked, ['partner_name']);
      });
      const encrypted = await take('shows two items encrypted (x509_hash, direct_post.jwt)', async () => {
        const asked = await askToPresent(verifier, {
          purpose: 'verification',
          claims: ['authority', 'oath_date'],
        });
        const request = await wallet.readRequest(asked.requestUri);
        const mode = request.authorizationRequestPayload.response_mode;
        hold(mode === 'direct_post.jwt', 'encrypted is what the node asks for by itself');
        await answerWith(wallet, request);
        await holdShown(asked, ['authority', 'oath_date']);
        return request;
      });
      await take('shows nothing but the certificate, unsigned question (redirect_uri)', async () => {
        const asked = await askToPresent(verifier, {
          purpose: 'verification',
          clientIdPrefix: 'redirect_uri',
          responseMode: 'direct_post',
        });
        await answerWith(wallet, await wallet.readRequest(asked.requestUri));
        await holdShown(asked, []);
      });
      await take('is refused when it answers again', () =>
        holdRefused(
          () => answerWith(wallet, encrypted),
          /answered with 4\d\d/,
          'a question is answered once',
        ),
      );

      await take('signs the consent to a move (transaction_data)', async () => {
        const transferId = await openCase(verifier, issuer);
        const session = await logIn(verifier, transferId, 'first');
        const today = new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 10);
        await apply(verifier, transferId, session, applicationOfBoth(verifier.authority.code, today));
        const asked = await askToPresent(verifier, { purpose: 'transfer_consent', transferId }, session);
        const request = await wallet.readRequest(asked.requestUri);
        hold(request.transactionData?.length === 1, 'the wallet sees what it is to sign');
        await answerWith(wallet, request);
        const { consents } = await verifier.get<Transfer>(`/v1/transfers/${transferId}`, { token: session });
        hold(
          consents?.first.given === true && consents.first.method === 'wallet' && !consents.second.given,
          'the case knows of the first partner’s consent by wallet, and of no other',
        );
      });
      await take('presents a revoked certificate, which is told to be invalid', async () => {
        await revokeInWallet(registrationId, certificates.first.certificateId);
        const asked = await askToPresent(verifier, { purpose: 'verification' });
        await wallet.present(await wallet.readRequest(asked.requestUri)).catch(() => undefined);
        const { verification } = await readPresentation(verifier, asked);
        const status = verification?.checks.find(({ check }) => check === 'status');
        hold(
          verification?.verdict === 'invalid' && status?.outcome === 'failed',
          'the node says that the certificate is not valid any more',
        );
      });
    },
  };

  async function answerWith(
    wallet: CredoWallet,
    request: Awaited<ReturnType<CredoWallet['readRequest']>>,
  ): Promise<void> {
    const status = await wallet.present(request);
    if (status !== 200) throw new Error(`the wallet was answered with ${status}`);
  }

  /** Valid, bound to the wallet's key, and not an item more than was asked for. */
  async function holdShown(asked: AskedPresentation, names: readonly string[]): Promise<void> {
    const { state, verification } = await readPresentation(verifier, asked);
    hold(state === 'answered' && verification?.verdict === 'valid', 'the node says valid');
    const binding = verification.checks.find(({ check }) => check === 'key_binding');
    hold(binding?.outcome === 'passed', 'the wallet proved its key');
    const shown = Object.keys(verification.claims ?? {}).toSorted();
    hold(shown.join() === names.join(), `the node sees ${names.join() || 'no item'} and no other`);
    hold((await readPresentation(verifier, asked)).state === 'read', 'the result is read once');
  }

  /** The one in the wallet, not the one to carry. */
  async function revokeInWallet(registrationId: string, carried: string): Promise<void> {
    const token = issuer.authority.tokens.clerk;
    const path = `/v1/registrations/${registrationId}`;
    const { certificates } = await issuer.get<Registration>(`${path}?purpose=issue`, { token });
    const inWallet = certificates.find(
      ({ certificateId, position, form, state }) =>
        form === 'wallet' && position === 'first' && state === 'issued' && certificateId !== carried,
    );
    if (!inWallet) throw new Error('the register knows of no certificate in the wallet');
    const revocation = `${path}/certificates/${inWallet.certificateId}/revocation`;
    await issuer.post(revocation, { token, body: { reason: 'lost' }, expected: 200 });
  }
}

type Registration = components['schemas']['Registration'];
type Transfer = components['schemas']['Transfer'];
