import { fastify } from 'fastify';
import { createSessions, LONGEST_SESSION_SECONDS } from '../http/session.ts';
import type { EntityId } from '../kernel/authority.ts';
import type { Clock } from '../kernel/clock.ts';
import { ROLES, type Role } from '../kernel/role.ts';

export type StaffRole = Exclude<Role, 'partner'>;
export type StaffTokens = { readonly [R in StaffRole]: string };

const STAFF_ROLES = ROLES.filter((role): role is StaffRole => role !== 'partner');

/** How long the tokens are good for; they are to be minted anew before. */
export const TOKEN_SECONDS = LONGEST_SESSION_SECONDS;

/**
 * Sessions of fictional members of staff, one per role, signed with the authority's own session key: what a log-in at
 * the municipality's directory would give. The Fastify instance is never started; the plugin that signs wants one.
 */
export async function mintStaffTokens(
  entityId: EntityId,
  { secret, clock }: { readonly secret: Uint8Array; readonly clock: Clock },
): Promise<StaffTokens> {
  const app = fastify({ logger: false });
  const sessions = await createSessions(app, { entityId, secret, clock });
  const tokens = STAFF_ROLES.map((role) => {
    const actor = { kind: 'staff', role, subject: `demonstration-${role}` } as const;
    return [role, sessions.sign(actor, TOKEN_SECONDS).token];
  });
  await app.close();
  return Object.fromEntries(tokens) as StaffTokens;
}
