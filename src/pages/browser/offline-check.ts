import { type ToldVerification, tellVerification } from '../../certificate/told-verification.ts';
import { readTrustBundle, type TrustBundle } from '../../certificate/trust-bundle.ts';
import { verifyCertificate } from '../../certificate/verify-certificate.ts';

/** As the node allows for other authorities' clocks. */
const SKEW_SECONDS = 10;

export type OfflineResult = {
  readonly verification: ToldVerification;
  /** When the issuer signed the status list that was looked at; whatever the verdict. RFC 3339, or unknown. */
  readonly statusAsOf: string | undefined;
};

/** The node's own checks, run here: the same files, with what this device has kept of the network. */
export async function checkOffline(text: string, bundle: TrustBundle, at: number): Promise<OfflineResult> {
  const { trust, now } = await readTrustBundle(bundle, at, SKEW_SECONDS);
  const verification = await verifyCertificate(text, { trust, now, skewSeconds: SKEW_SECONDS });
  const told = tellVerification(verification, (code) => {
    const known = trust.issuerByCode(code);
    return known.kind === 'known' ? known.issuer.name : { ja: code, en: code };
  });
  return { verification: told, statusAsOf: told.basedOn?.statusIssuedAt ?? oldestList(bundle, trust) };
}

/** Where no issuer could be told: of all lists the oldest, so that nothing looks fresher than it is. */
function oldestList(
  { issuers }: TrustBundle,
  { statusList }: { statusList: Awaited<ReturnType<typeof readTrustBundle>>['trust']['statusList'] },
): string | undefined {
  const times = issuers.flatMap(({ statusListUri }) => {
    const list = statusList(statusListUri);
    return list.kind === 'loaded' ? [list.issuedAt] : [];
  });
  return times.length === 0 ? undefined : new Date(Math.min(...times) * 1000).toISOString();
}
