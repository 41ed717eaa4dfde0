import { FederationClient } from '@sphereon/openid-federation-client';

/** Keeps what it read, so each question is for a new one. `null`: it checks signatures by its own code. */
export function newClient(): FederationClient {
  return new FederationClient(null);
}

/** What the independent client finds wrong with a chain of statements, leaf first; undefined where it is good. */
export async function faultOfChain(chain: readonly string[], anchor: string): Promise<string | undefined> {
  const { isValid, errorMessage } = await newClient().verifyTrustChain([...chain], anchor);
  return isValid ? undefined : (errorMessage ?? 'refused, and no word why');
}

/** The client tells the terminal everything it does, and cannot be asked not to. */
export async function inSilence<Result>(work: () => Promise<Result>): Promise<Result> {
  const { error, warn, info, log } = console;
  const nothing = (): void => undefined;
  Object.assign(console, { error: nothing, warn: nothing, info: nothing, log: nothing });
  try {
    return await work();
  } finally {
    Object.assign(console, { error, warn, info, log });
  }
}
