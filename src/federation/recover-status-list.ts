import type { IssuerKey } from '../certificate/issuer-key.ts';
import { parseStatusListToken, StatusListFault } from '../certificate/status-list.ts';
import { uniteEntries } from '../certificate/status-list-store.ts';
import { type Db, inTransaction } from '../db/transaction.ts';
import type { EntityId } from '../kernel/authority.ts';
import { TokenFault, unverifiedClaims } from '../kernel/compact-jws.ts';
import type { Member } from './authority-metadata.ts';
import type { PeerClient } from './peer-client.ts';
import { sideBySide } from './side-by-side.ts';

export type RecoveryDeps = {
  readonly db: Db;
  readonly client: PeerClient;
  readonly self: EntityId;
  /** Where this authority's own list stands, and the keys that have signed it, those of the past too. */
  readonly ownList: { readonly uri: string; readonly keys: () => readonly IssuerKey[] };
};

const AT_ONCE = 16;
const MAX_LIST_BYTES = 1_048_576;

/**
 * Asks other members for the list of ours that they hold, and refuses again whatever this database has forgotten to
 * refuse: a restored backup must bring no revoked certificate back. Our own signature proves what they show.
 *
 * @returns how many have shown a list of ours
 */
export async function recoverStatusList(deps: RecoveryDeps, members: readonly Member[]): Promise<number> {
  const others = members.filter(({ entityId }) => entityId !== deps.self);
  const shown = await sideBySide(others, AT_ONCE, (member) => askFor(deps, member));
  return shown.filter(Boolean).length;
}

async function askFor({ db, client, self, ownList }: RecoveryDeps, { entityId }: Member): Promise<boolean> {
  const url = `${entityId}/federation/status-lists?issuer=${encodeURIComponent(self)}`;
  const answer = await client.get(url, {
    accept: 'application/statuslist+jwt',
    maxBytes: MAX_LIST_BYTES,
  });
  if (answer.kind === 'unreachable' || answer.status !== 200) return false;
  try {
    const { list } = await parseStatusListToken(answer.text, {
      uri: ownList.uri,
      // As of then: what was refused in a list that has expired is refused all the same.
      now: Number(unverifiedClaims(answer.text).iat),
      skewSeconds: 0,
      keys: ownList.keys(),
    });
    await inTransaction(db, (trx) => uniteEntries(trx, list.bytes));
    return true;
  } catch (error) {
    if (error instanceof TokenFault || error instanceof StatusListFault) return false;
    throw error;
  }
}
