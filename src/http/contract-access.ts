import { ROLES, type Role } from '../kernel/role.ts';
import { ContractFault } from './contract-fault.ts';

/** Who may call an operation. `peer` is proved by the message itself, which is the handler's work. */
export type Access =
  | { readonly kind: 'public' }
  | { readonly kind: 'peer' }
  | { readonly kind: 'session'; readonly roles: readonly Role[]; readonly optional: boolean };

/**
 * Reads `security` (OpenAPI 3.1 §4.8.30): `[]` is public, `[{session: [clerk]}]` wants one of the roles,
 * `[{}, {session: [clerk]}]` takes a session where one is sent, `[{peer: []}]` a signed message.
 *
 * @throws ContractFault where nothing is said, or a scheme or role is unknown
 */
export function accessOf(operationId: string, security: unknown): Access {
  if (security === undefined)
    throw new ContractFault(operationId, 'has no security: write `security: []` if it is public.');
  if (!Array.isArray(security)) throw new ContractFault(operationId, 'must write its security as a list.');
  if (security.length === 0) return { kind: 'public' };
  const schemes = security.flatMap((requirement) => Object.entries(requirement as object));
  const [scheme, roles] = schemes[0] ?? [];
  const optional = security.length === 2 && security.some((each) => Object.keys(each as object).length === 0);
  if (schemes.length !== 1 || security.length > (optional ? 2 : 1))
    throw new ContractFault(operationId, 'must name one security scheme; public is written `security: []`.');
  if (scheme === 'peer' && !optional) return { kind: 'peer' };
  if (scheme !== 'session')
    throw new ContractFault(operationId, 'names a security scheme that is not known.');
  return { kind: 'session', roles: rolesOf(operationId, roles), optional };
}

function rolesOf(operationId: string, roles: unknown): readonly Role[] {
  if (!Array.isArray(roles) || roles.length === 0)
    throw new ContractFault(
      operationId,
      'must list the roles of its session: an empty list would let anyone in.',
    );
  const unknown = roles.find((role) => !ROLES.includes(role));
  if (unknown !== undefined)
    throw new ContractFault(operationId, `names the role ${unknown}, which nobody has.`);
  return roles;
}
