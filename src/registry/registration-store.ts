import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import type { Id } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { writeFamily } from './family-store.ts';
import { indexPartners } from './partner-index.ts';
import { LIVING_STATES, type RegistrationState } from './registration.ts';
import type { FamilyRelation } from './rule-set.ts';
import { createSealer, openSealer, type Sealer, type Vault } from './vault.ts';

/** Where a partner says they live. Kept sealed; only the municipality decides anything. */
export type Residence = {
  readonly kind: 'resident' | 'moving_in' | 'elsewhere';
  readonly municipality?: string | undefined;
  readonly address?: string | undefined;
  readonly moveInOn?: string | undefined;
  readonly proofSeen?: boolean | undefined;
};

/** One partner as registered. Names exactly as typed. */
export type PartnerRecord = {
  readonly registeredName: string;
  readonly kana: string;
  readonly alias: {
    readonly name: string;
    readonly display: 'alias_only' | 'alias_with_registered_name';
  } | null;
  readonly birthDate: string;
  readonly residence: Residence;
};

/** A child or parent whom a familyship scheme names. */
export type FamilyMemberRecord = {
  readonly name: string;
  readonly kana: string;
  readonly relation: FamilyRelation;
  readonly relationTo: PartnerPosition | null;
  readonly birthDate: string;
  readonly livesWithCouple: boolean;
  readonly consent: 'own_signature' | 'by_parent' | 'none';
  readonly proofSeen: boolean;
};

export type Couple<Each> = { readonly first: Each; readonly second: Each };

export type RegistrationRow = {
  readonly id: Id<'registration'>;
  readonly epoch: number;
  readonly state: RegistrationState;
  readonly oathDate: string;
  readonly firstOathDate: string;
  readonly firstAuthority: AuthorityCode;
  readonly transferId: Id<'transfer'> | null;
  readonly endReason: string | null;
  readonly endedOn: string | null;
  /** Until when the new address is to be shown, and when it was; null where nobody's move was awaited. */
  readonly residenceDueOn: string | null;
  readonly residenceProvenOn: string | null;
};

export type NewRegistration = {
  readonly id: Id<'registration'>;
  readonly epoch: number;
  readonly state: 'active' | 'staged';
  readonly oathDate: string;
  readonly firstOathDate: string;
  readonly firstAuthority: AuthorityCode;
  readonly transferId: Id<'transfer'> | null;
  readonly partners: Couple<PartnerRecord>;
  /** What both declared about the couple; kept sealed. */
  readonly declarations: Record<string, unknown>;
  readonly registeredAt: Date;
  readonly familyMembers?: readonly FamilyMemberRecord[];
  /** Until when the new address is to be shown, where the oath was sworn before the move. */
  readonly residenceDueOn?: string | null;
  /** The family register shows that a registered person of the same reading and birth date is somebody else. */
  readonly homonymConfirmed?: boolean;
  /** Numbers of the certificates that an imported register had issued; kept sealed. */
  readonly keptNumbers?: Partial<Couple<string>>;
  /** Signed by the authorities that handed it on so far, oldest first; kept sealed. */
  readonly continuity?: readonly string[];
  /** Keyed digest (16 bytes) of the number under which an imported register knew the couple. */
  readonly sourceKey?: Buffer;
};

/**
 * Writes a registration with its sealed partners, its family members and the partners' blind index.
 *
 * @throws Refusal `already_registered` where either partner is in a living registration here
 */
export async function insertRegistration(
  trx: Trx,
  vault: Vault,
  registration: NewRegistration,
): Promise<void> {
  const { id, epoch, partners } = registration;
  const sealer = await createSealer(trx, vault, { kind: 'registration', id, epoch });
  await trx
    .insertInto('registration')
    .values({
      id,
      epoch,
      state: registration.state,
      oath_date: registration.oathDate,
      first_oath_date: registration.firstOathDate,
      first_authority: registration.firstAuthority,
      registered_at: registration.registeredAt,
      transfer_id: registration.transferId,
      declarations: sealer.seal('declarations', JSON.stringify(registration.declarations)),
      residence_due_on: registration.residenceDueOn ?? null,
      source_key: registration.sourceKey ?? null,
      continuity: sealContinuity(sealer, registration.continuity),
    })
    .execute();
  await trx
    .insertInto('registration_partner')
    .values(
      POSITIONS.map((position) => {
        const kept = registration.keptNumbers?.[position];
        return {
          registration_id: id,
          epoch,
          position,
          ...sealPartner(sealer, position, partners[position]),
          kept_number: kept === undefined ? null : sealer.seal(`${position}.kept_number`, kept),
        };
      }),
    )
    .execute();
  await writeFamily(trx, sealer, registration, registration.familyMembers ?? []);
  await indexPartners(trx, vault, registration);
}

/** The column of the links, in their order; null where there are none. */
export function sealContinuity(sealer: Sealer, links: readonly string[] = []): Buffer | null {
  return links.length > 0 ? sealer.seal('continuity', JSON.stringify(links)) : null;
}

/** The links with which a registration came here, oldest first; none where it never moved or nothing was proven. */
export async function readContinuity(
  db: Db | Trx,
  sealer: Sealer,
  { id, epoch }: { readonly id: string; readonly epoch: number },
): Promise<readonly string[]> {
  const row = await db
    .selectFrom('registration')
    .select('continuity')
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  return row?.continuity ? (JSON.parse(sealer.open('continuity', row.continuity)) as string[]) : [];
}

export async function writeContinuity(
  trx: Trx,
  sealer: Sealer,
  { id, epoch }: { readonly id: string; readonly epoch: number },
  links: readonly string[],
): Promise<void> {
  await trx
    .updateTable('registration')
    .set({ continuity: sealContinuity(sealer, links) })
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .execute();
}

/** A partner's columns as they stand in the table: every name exactly as typed, and sealed. */
export function sealPartner(sealer: Sealer, position: PartnerPosition, partner: PartnerRecord) {
  const seal = (column: string, text: string) => sealer.seal(`${position}.${column}`, text);
  return {
    registered_name: seal('registered_name', partner.registeredName),
    kana: seal('kana', partner.kana),
    alias: partner.alias ? seal('alias', partner.alias.name) : null,
    alias_display: partner.alias?.display ?? null,
    birth_date: seal('birth_date', partner.birthDate),
    residence: seal('residence', JSON.stringify(partner.residence)),
  };
}

const COLUMNS = [
  'id',
  'epoch',
  'state',
  'oath_date',
  'first_oath_date',
  'first_authority',
  'transfer_id',
  'end_reason',
  'ended_on',
  'residence_due_on',
  'residence_proven_on',
] as const;

/** The registration's newest row here, staged and abandoned ones left out: those never were this authority's. */
export async function findRegistration(
  db: Db | Trx,
  id: string,
  { forUpdate = false }: { forUpdate?: boolean } = {},
): Promise<RegistrationRow | undefined> {
  const query = db
    .selectFrom('registration')
    .select(COLUMNS)
    .where('id', '=', id)
    .where('state', 'not in', ['staged', 'abandoned'])
    .orderBy('epoch', 'desc')
    .limit(1);
  const row = await (forUpdate ? query.forUpdate() : query).executeTakeFirst();
  return row && toRow(row);
}

/** @throws Refusal `record_not_found` */
export async function requireRegistration(
  db: Db | Trx,
  id: string,
  options?: { forUpdate?: boolean },
): Promise<RegistrationRow> {
  const row = await findRegistration(db, id, options);
  if (!row) throw new Refusal('record_not_found', {});
  return row;
}

/** A row of one epoch, whatever its state; locked where asked. */
export async function findEpoch(
  db: Db | Trx,
  id: string,
  epoch: number,
  { forUpdate = false } = {},
): Promise<RegistrationRow | undefined> {
  const query = db.selectFrom('registration').select(COLUMNS).where('id', '=', id).where('epoch', '=', epoch);
  const row = await (forUpdate ? query.forUpdate() : query).executeTakeFirst();
  return row && toRow(row);
}

type Stored = {
  id: string;
  epoch: number;
  state: RegistrationState;
  oath_date: string;
  first_oath_date: string;
  first_authority: string;
  transfer_id: string | null;
  end_reason: string | null;
  ended_on: string | null;
  residence_due_on: string | null;
  residence_proven_on: string | null;
};

function toRow(row: Stored): RegistrationRow {
  return {
    id: row.id as Id<'registration'>,
    epoch: row.epoch,
    state: row.state,
    oathDate: row.oath_date,
    firstOathDate: row.first_oath_date,
    firstAuthority: row.first_authority as AuthorityCode,
    transferId: row.transfer_id as Id<'transfer'> | null,
    endReason: row.end_reason,
    endedOn: row.ended_on,
    residenceDueOn: row.residence_due_on,
    residenceProvenOn: row.residence_proven_on,
  };
}

/** @returns undefined where the data key was destroyed */
export async function readPartners(
  db: Db | Trx,
  vault: Vault,
  { id, epoch }: { readonly id: string; readonly epoch: number },
): Promise<Couple<PartnerRecord> | undefined> {
  const sealer = await openSealer(db, vault, { kind: 'registration', id, epoch });
  if (!sealer) return undefined;
  const rows = await db
    .selectFrom('registration_partner')
    .select(['position', 'registered_name', 'kana', 'alias', 'alias_display', 'birth_date', 'residence'])
    .where('registration_id', '=', id)
    .where('epoch', '=', epoch)
    .execute();
  const read = (position: PartnerPosition): PartnerRecord => {
    const row = rows.find((candidate) => candidate.position === position);
    if (!row) throw new Error('a registration without both partners');
    const open = (column: string, sealed: Buffer) => sealer.open(`${position}.${column}`, sealed);
    return {
      registeredName: open('registered_name', row.registered_name),
      kana: open('kana', row.kana),
      alias:
        row.alias && row.alias_display
          ? { name: open('alias', row.alias), display: row.alias_display }
          : null,
      birthDate: open('birth_date', row.birth_date),
      residence: JSON.parse(open('residence', row.residence)) as Residence,
    };
  };
  return { first: read('first'), second: read('second') };
}

export type StateChange = {
  readonly from: readonly RegistrationState[];
  readonly to: RegistrationState;
  readonly transferId?: Id<'transfer'> | null;
  readonly end?: { readonly reason: string; readonly on: string };
};

/**
 * Moves a registration from one state to another; the statement itself is the guard (no row, no change).
 * A registration that is no longer held here leaves the duplicate index in the same transaction: its couple may swear
 * or return here again.
 *
 * @throws Refusal `registration_state_conflict`
 */
export async function changeState(
  trx: Trx,
  { id, epoch }: { id: string; epoch: number },
  change: StateChange,
): Promise<void> {
  const changed = await trx
    .updateTable('registration')
    .set({
      state: change.to,
      ...(change.transferId === undefined ? {} : { transfer_id: change.transferId }),
      ...(change.end ? { end_reason: change.end.reason as 'dissolution', ended_on: change.end.on } : {}),
    })
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .where('state', 'in', change.from)
    .returning('state')
    .executeTakeFirst();
  if (!changed) {
    const row = await findEpoch(trx, id, epoch);
    throw new Refusal('registration_state_conflict', {
      state: row?.state ?? 'unknown',
      allowed: change.from,
    });
  }
  if (!LIVING_STATES.includes(change.to)) {
    await trx
      .updateTable('partner_index')
      .set({ live: false })
      .where('registration_id', '=', id)
      .where('epoch', '=', epoch)
      .execute();
  }
}
