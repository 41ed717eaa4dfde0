const WORKER = '/v/worker.js';

type Policy = { createScriptURL(url: string): string };
type PolicyFactory = {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
};

/** Has this page kept for the next time, offline too. Where a browser cannot, the page works while there is a connection. */
export async function keepForOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register(trusted(WORKER), { scope: '/v' });
  } catch {
    // Private windows and old browsers: nothing is lost but the next time offline.
  }
}

/** The one script address that this page ever makes. */
function trusted(address: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  if (!trustedTypes) return address;
  const policy = trustedTypes.createPolicy('app', {
    createScriptURL(url) {
      if (url !== WORKER) throw new TypeError('not the worker');
      return url;
    },
  });
  return policy.createScriptURL(address);
}
