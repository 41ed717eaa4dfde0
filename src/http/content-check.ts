import type { Contract, Schema } from './contract.ts';
import { CONTRACT_URI } from './contract.ts';
import { createSchemaChecks } from './schema-check.ts';
import type { SchemaFault } from './schema-fault.ts';

/** The schema of the contract that a submitted form of each kind must have. */
const SCHEMAS = {
  oath: 'OathContent',
  residence_proof: 'ResidenceProofContent',
  change: 'ChangeContent',
  reissue: 'ReissueContent',
  return: 'ReturnContent',
  dissolution: 'EndContent',
  death: 'EndContent',
  moved_out: 'EndContent',
  requirement_lost: 'EndContent',
  revocation: 'RevocationContent',
  erroneous_entry: 'ErroneousEntryContent',
  certificate_of_fact: 'CertificateOfFactContent',
  continuation: 'TransferApplication',
} as const;

export type ContentKind = keyof typeof SCHEMAS;
export type ContentFault = (kind: ContentKind, content: unknown) => SchemaFault | undefined;

/** A draft may be anything; what is submitted has the form of its kind. */
export function contentChecks(contract: Contract): ContentFault {
  const { exact } = createSchemaChecks(contract);
  const checks = Object.fromEntries(
    Object.entries(SCHEMAS).map(([kind, name]) => [
      kind,
      exact({ $ref: `${CONTRACT_URI}#/components/schemas/${name}` } satisfies Schema),
    ]),
  );
  return (kind, content) => checks[kind]?.(content);
}
