import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { CoupleFacts, PartnerFacts } from './couple-facts.ts';
import type { JapanDay } from './japan-day.ts';
import type { Kinship } from './kinship.ts';
import { unwrapDataKey } from './personal-data.ts';
import type { RegistrationState } from './registration.ts';
import type { Residence } from './registration-store.ts';
import type { RuleSet } from './rule-set.ts';
import { placeOf, type Sealer, sealerOf, type Vault } from './vault.ts';

export type SimulationDeps = {
  readonly db: Db | Trx;
  readonly vault: Vault;
  readonly authority: AuthorityCode;
};

/** The registrations that this authority holds and may still be asked about. */
export const HELD: readonly RegistrationState[] = ['received', 'active', 'offered'];
/** So many couples are in memory at once; deciding on them takes some 20 ms, then others have their turn. */
const BATCH = 250;

/** What the rules demanded of those who swore on a day: what was demanded then was met. */
export type DemandedOn = (oathDate: JapanDay) => RuleSet['single'] | null;

/**
 * What is on record of each couple held here that a rule can ask about, a batch at a time: birth dates, residence and
 * declarations, never a name. null: the record cannot be read any more.
 */
export async function* coupleBatches(
  { db, vault }: SimulationDeps,
  demandedOn: DemandedOn,
): AsyncGenerator<(CoupleFacts | null)[]> {
  for (let last: string | undefined; ; ) {
    let query = db
      .selectFrom('registration')
      .select(['id', 'epoch', 'oath_date', 'declarations', 'residence_proven_on'])
      .where('state', 'in', HELD)
      .orderBy('id')
      .limit(BATCH);
    if (last !== undefined) query = query.where('id', '>', last);
    const rows = await query.execute();
    last = rows.at(-1)?.id;
    if (last !== undefined) {
      const sealers = await sealersOf(db, vault, rows);
      const partners = await partnersOf(db, rows);
      yield rows.map((row) => {
        const sealer = sealers.get(row.id);
        return sealer ? factsOnRecord(row, partners.get(row.id), sealer, demandedOn(row.oath_date)) : null;
      });
    }
    if (rows.length < BATCH) return;
  }
}

type HeldRow = {
  readonly id: string;
  readonly epoch: number;
  readonly oath_date: string;
  readonly declarations: Buffer | null;
  readonly residence_proven_on: string | null;
};
type SealedPartner = { readonly birth_date: Buffer; readonly residence: Buffer };
async function sealersOf(
  db: Db | Trx,
  vault: Vault,
  rows: readonly HeldRow[],
): Promise<ReadonlyMap<string, Sealer>> {
  const epochs = new Map(rows.map(({ id, epoch }) => [id, epoch]));
  const keys = await db
    .selectFrom('data_key')
    .select(['subject_id', 'epoch', 'wrapped_key'])
    .where('subject_kind', '=', 'registration')
    .where('subject_id', 'in', [...epochs.keys()])
    .execute();
  const sealers = new Map<string, Sealer>();
  for (const { subject_id: id, epoch, wrapped_key: wrapped } of keys) {
    if (wrapped === null || epochs.get(id) !== epoch) continue;
    const subject = { kind: 'registration', id, epoch } as const;
    const dataKey = unwrapDataKey(vault.keyEncryption, placeOf(vault, subject, 'data_key'), wrapped);
    sealers.set(id, sealerOf(vault, subject, dataKey));
  }
  return sealers;
}

async function partnersOf(
  db: Db | Trx,
  rows: readonly HeldRow[],
): Promise<ReadonlyMap<string, ReadonlyMap<PartnerPosition, SealedPartner>>> {
  const epochs = new Map(rows.map(({ id, epoch }) => [id, epoch]));
  const found = await db
    .selectFrom('registration_partner')
    .select(['registration_id', 'epoch', 'position', 'birth_date', 'residence'])
    .where('registration_id', 'in', [...epochs.keys()])
    .execute();
  const partners = new Map<string, Map<PartnerPosition, SealedPartner>>();
  for (const { registration_id: id, epoch, position, ...sealed } of found) {
    if (epochs.get(id) !== epoch) continue;
    partners.set(id, (partners.get(id) ?? new Map()).set(position, sealed));
  }
  return partners;
}

type Declarations = {
  readonly sexualMinorityDeclared?: boolean | null;
  readonly kinship?: Kinship | null;
  readonly cohabiting?: boolean | null;
};

/** What is on record, in the form in which the rules ask for it; what was never asked is null. */
function factsOnRecord(
  { declarations, residence_proven_on: provenOn }: HeldRow,
  partners: ReadonlyMap<PartnerPosition, SealedPartner> | undefined,
  sealer: Sealer,
  demanded: RuleSet['single'] | null,
): CoupleFacts {
  const declared: Declarations = declarations ? JSON.parse(sealer.open('declarations', declarations)) : {};
  const facts = POSITIONS.map((position) => {
    const sealed = partners?.get(position);
    if (!sealed) throw new Error('a registration without both partners');
    const residence = JSON.parse(sealer.open(`${position}.residence`, sealed.residence)) as Residence;
    return partnerFacts(
      sealer.open(`${position}.birth_date`, sealed.birth_date),
      residenceFacts(residence, provenOn !== null),
      demanded,
    );
  }) as [PartnerFacts, PartnerFacts];
  return {
    first: facts[0],
    second: facts[1],
    atLeastOneSexualMinorityDeclared: declared.sexualMinorityDeclared ?? 'not_asked',
    kinship: declared.kinship ?? null,
    cohabiting: declared.cohabiting ?? null,
    familyMembers: [],
  };
}

/** That there is nobody else is stated at the oath and not kept; where the rules of that day demanded it, it was so. */
function partnerFacts(
  birthDate: string,
  residence: PartnerFacts['residence'],
  demanded: RuleSet['single'] | null,
): PartnerFacts {
  const nobody = (field: keyof RuleSet['single']) => (demanded?.[field] === true ? false : null);
  return {
    birthDate,
    residence,
    spouse: nobody('spouse'),
    otherPartnership: nobody('otherPartnership'),
    deFactoSpouse: nobody('deFactoSpouse'),
    documentsSeen: null,
  };
}

function residenceFacts(residence: Residence, proven: boolean): PartnerFacts['residence'] {
  const { kind, municipality, moveInOn, proofSeen } = residence;
  if (kind === 'elsewhere') return { status: 'elsewhere' };
  if (municipality === undefined) return null;
  if (kind === 'resident' || proven) return { status: 'resident', municipality };
  return { status: 'moving_in', municipality, plannedOn: moveInOn ?? null, proofSeen: proofSeen ?? null };
}
