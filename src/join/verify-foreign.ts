import { setTimeout as pause } from 'node:timers/promises';
import { makeAuthorityClient } from '../network/authority-client.ts';
import { type NetworkFile, readNetworkFile } from '../network/network-file.ts';
import { said } from './check-limits.ts';
import { JoinFault } from './join-fault.ts';
import { probe } from './probe-client.ts';

type Verdict = {
  readonly verdict: 'valid' | 'invalid' | 'undetermined';
  readonly checks: readonly { readonly check: string; readonly outcome: string; readonly reason?: string }[];
  readonly issuer?: { readonly code: string; readonly name?: { readonly ja: string } };
};

/** How long a node that has just started may still be fetching the others' lists. */
const PATIENCE_MS = 30_000;

/**
 * A certificate of the fictional couple of an authority that `npm start` runs, as its clerk would hand it over.
 *
 * @param of id or code of the authority
 * @throws JoinFault
 */
export async function demonstrationCertificate(data: string, of: string): Promise<string> {
  const network: NetworkFile | undefined = await readNetworkFile(data);
  if (!network)
    throw new JoinFault({
      ja: `${data} でネットワークが動いていません。別の端末で npm start を実行し、--network にそのデータフォルダーを指定してください`,
      en: `No network runs on ${data}: run npm start in another terminal, and give its data folder to --network.`,
    });
  const authority = network.authorities.find(({ id, code }) => id === of || code === of);
  if (!authority?.couple)
    throw new JoinFault({
      ja: `${of} は動いていないか、架空の登録がありません。--of に ${network.authorities.map(({ id }) => id).join('、')} から選んでください`,
      en: `${of} does not run, or has no fictional couple: choose --of from ${network.authorities.map(({ id }) => id).join(', ')}.`,
    });
  const { registrationId, certificateIds } = authority.couple;
  const client = makeAuthorityClient(authority.entityId, authority.tokens.clerk);
  const path = `/v1/registrations/${registrationId}/certificates/${certificateIds[0]}?purpose=issue`;
  return ((await client.get(path)) as { sdJwtVc: string }).sdJwtVc;
}

/**
 * Asks a node about a certificate, again while it has not yet heard of the issuer.
 *
 * @throws JoinFault where the node does not answer
 */
export async function askVerdict(address: string, certificate: string): Promise<Verdict> {
  for (const end = performance.now() + PATIENCE_MS; ; await pause(500)) {
    const answer = await probe(`${address}/v1/verifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ certificate }),
    });
    const verdict =
      answer.kind === 'answered' && answer.status === 200 ? (JSON.parse(answer.text) as Verdict) : undefined;
    if (verdict && (verdict.verdict !== 'undetermined' || performance.now() > end)) return verdict;
    if (performance.now() > end)
      throw new JoinFault({
        ja: `${address} が検証に答えません（${said(answer)}）。npm run join -- check で確かめてください`,
        en: `${address} does not answer the verification (${said(answer)}): see npm run join -- check.`,
      });
  }
}
