import type { ToldVerification } from '../../certificate/told-verification.ts';
import type { TrustBundle } from '../../certificate/trust-bundle.ts';

const PATIENCE_MS = 10_000;

export type Asked =
  | { readonly kind: 'told'; readonly verification: ToldVerification }
  /** No connection, or a node that is not well: what this device has kept must do. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'busy' }
  /** Not a question: too long, or no text of a certificate. */
  | { readonly kind: 'refused' };

/** Asks the node that this page came from. What is asked stands in the body, so no address and no log has it. */
export async function askNode(certificate: string): Promise<Asked> {
  try {
    const answer = await post('/v1/verifications', { certificate });
    if (answer.ok) return { kind: 'told', verification: (await answer.json()) as ToldVerification };
    if (answer.status === 429) return { kind: 'busy' };
    return { kind: answer.status < 500 ? 'refused' : 'unreachable' };
  } catch {
    return { kind: 'unreachable' };
  }
}

export type NamePicture = { readonly pointer: string; readonly svg: string };

/** Pictures of the rare names in a certificate; none where they cannot be had now. */
export async function fetchNamePictures(certificate: string): Promise<readonly NamePicture[]> {
  try {
    const answer = await post('/v1/name-pictures', { certificate });
    if (!answer.ok) return [];
    return ((await answer.json()) as { pictures: NamePicture[] }).pictures;
  } catch {
    return [];
  }
}

/** What is known of the network: as the node tells it now, or as the service worker has kept it. */
export async function fetchTrustBundle(): Promise<TrustBundle | undefined> {
  try {
    const answer = await fetch('/v1/trust-bundle', { credentials: 'omit' });
    return answer.ok ? ((await answer.json()) as TrustBundle) : undefined;
  } catch {
    return undefined;
  }
}

function post(path: string, body: unknown): Promise<Response> {
  return fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
    credentials: 'omit',
    cache: 'no-store',
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}
