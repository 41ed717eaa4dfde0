import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { sealEvent } from '../audit/audit-event.ts';
import type { Db, Trx } from '../db/transaction.ts';
import { newRandomId } from '../kernel/id.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { searchEntriesOf } from '../registry/partner-index.ts';
import { sealText, wrapDataKey } from '../registry/personal-data.ts';
import type { Couple } from '../registry/registration-store.ts';
import type { Vault } from '../registry/vault.ts';
import type { HeldHere } from './check-register.ts';
import type { CheckedRow, ImportedCouple } from './check-row.ts';

/** A couple with the digests by which it and its partners are known here. */
export type CoupleToRegister = ImportedCouple & {
  readonly sourceKey: Buffer;
  readonly persons: Couple<Buffer>;
};

export type TakenOverBy = { readonly importId: string; readonly actor: Actor; readonly at: Date };

/** Some 25 ms of sealing; between two of these other requests are answered. */
const COUPLES_PER_STATEMENT = 200;
const DIGESTS_PER_QUESTION = 10_000;
const EPOCH = 1;

/** What the register holds of these rows already, each kind asked for as one set. */
export async function findHeld(db: Db | Trx, rows: readonly CheckedRow[]): Promise<HeldHere> {
  const keys = rows.flatMap(({ sourceKey }) => sourceKey ?? []);
  const people = rows.flatMap(({ persons }) => POSITIONS.flatMap((position) => persons[position] ?? []));
  const sourceKeys = await found(keys, async (some) => {
    const rows = await db
      .selectFrom('registration')
      .select('source_key as digest')
      .where('source_key', '=', sql<Buffer>`any(${some})`)
      .execute();
    return rows.flatMap(({ digest }) => digest ?? []);
  });
  const persons = await found(people, async (some) => {
    const rows = await db
      .selectFrom('partner_index')
      .select('blind_index')
      .where('live', '=', true)
      .where('blind_index', '=', sql<Buffer>`any(${some})`)
      .execute();
    return rows.map(({ blind_index }) => blind_index);
  });
  return { sourceKeys, persons };
}

async function found(
  digests: readonly Buffer[],
  ask: (some: readonly Buffer[]) => Promise<Buffer[]>,
): Promise<Set<string>> {
  const there = new Set<string>();
  for (const some of chunksOf(digests, DIGESTS_PER_QUESTION))
    for (const digest of await ask(some)) there.add(digest.toString('hex'));
  return there;
}

/**
 * Registers the couples of an older register as insertRegistration would each of them, in few statements. No
 * certificates are issued; the numbers of the old ones are kept, sealed, for whoever issues later.
 *
 * @returns how many
 * @throws Refusal `already_registered` where somebody was registered here since the rows were checked
 */
export async function registerCouples(
  trx: Trx,
  vault: Vault,
  by: TakenOverBy,
  couples: readonly CoupleToRegister[],
): Promise<number> {
  for (const some of chunksOf(couples, COUPLES_PER_STATEMENT))
    await insertAll(
      trx,
      some.map((couple) => rowsOf(vault, by, couple)),
    );
  return couples.length;
}

async function insertAll(trx: Trx, all: readonly ReturnType<typeof rowsOf>[]): Promise<void> {
  await trx
    .insertInto('data_key')
    .values(all.map(({ dataKey }) => dataKey))
    .execute();
  await trx
    .insertInto('registration')
    .values(all.map(({ registration }) => registration))
    .execute();
  await trx
    .insertInto('registration_partner')
    .values(all.flatMap(({ partners }) => partners))
    .execute();
  const index = all.flatMap(({ index }) => index);
  const written = await trx
    .insertInto('partner_index')
    .values(index)
    .onConflict((conflict) =>
      conflict.columns(['blind_index', 'homonym']).where('live', '=', true).doNothing(),
    )
    .returning('position')
    .execute();
  if (written.length < index.length) throw new Refusal('already_registered', {});
  await trx
    .insertInto('partner_search')
    .values(all.flatMap(({ search }) => search))
    .execute();
  await trx
    .insertInto('audit_event')
    .values(all.map(({ event }) => event))
    .execute();
}

/** Everything that is written for one couple, sealed as the vault seals it. */
function rowsOf(vault: Vault, by: TakenOverBy, couple: CoupleToRegister) {
  const id = newRandomId<'registration'>();
  const dataKey = randomBytes(32);
  const placeOf = (column: string) => ({
    authority: vault.authority,
    registrationId: id,
    column: `registration.${column}`,
    epoch: EPOCH,
  });
  const seal = (column: string, text: string) => sealText(dataKey, placeOf(column), text);
  const { end, partners, persons } = couple;
  const of = { registration_id: id, epoch: EPOCH };
  return {
    dataKey: {
      subject_kind: 'registration' as const,
      subject_id: id,
      epoch: EPOCH,
      wrapped_key: wrapDataKey(vault.keyEncryption, placeOf('data_key'), dataKey),
    },
    registration: {
      id,
      epoch: EPOCH,
      state: end === null ? ('active' as const) : ('ended' as const),
      end_reason: end?.reason ?? null,
      ended_on: end?.on ?? null,
      oath_date: couple.oathDate,
      first_oath_date: couple.firstOathDate,
      first_authority: couple.firstAuthority,
      registered_at: by.at,
      source_key: couple.sourceKey,
      declarations: seal(
        'declarations',
        // An old register says nothing of kinship and of living together: not known, which is not "none".
        JSON.stringify({
          sexualMinorityDeclared: couple.sexualMinorityDeclared,
          kinship: null,
          cohabiting: null,
        }),
      ),
    },
    partners: POSITIONS.map((position) => ({ ...of, position, ...partnerRow(couple, position, seal) })),
    index: POSITIONS.map((position) => ({
      ...of,
      position,
      blind_index: persons[position],
      live: end === null,
    })),
    search: POSITIONS.flatMap((position) =>
      searchEntriesOf(vault, partners[position]).map((entry) => ({ ...of, position, ...entry })),
    ),
    event: eventRow(by, id),
  };
}

function partnerRow(
  { partners, keptNumbers }: CoupleToRegister,
  position: PartnerPosition,
  sealOf: (column: string, text: string) => Buffer,
) {
  const { registeredName, kana, alias, birthDate, residence } = partners[position];
  const keptNumber = keptNumbers[position];
  const seal = (column: string, text: string) => sealOf(`${position}.${column}`, text);
  return {
    registered_name: seal('registered_name', registeredName),
    kana: seal('kana', kana),
    alias: alias ? seal('alias', alias.name) : null,
    alias_display: alias?.display ?? null,
    birth_date: seal('birth_date', birthDate),
    residence: seal('residence', JSON.stringify(residence)),
    kept_number: keptNumber === null ? null : seal('kept_number', keptNumber),
  };
}

/** Both partners see in their record when and how it came here. */
function eventRow({ importId, actor, at }: TakenOverBy, id: string) {
  const record = { kind: 'registration', id } as const;
  const form = sealEvent(
    { type: 'registration_imported', actor, record, visibility: 'both', facts: { importId } },
    at,
  );
  return {
    at,
    type: form.type,
    actor_kind: actor.kind,
    actor_role: form.actorRole,
    actor_subject: form.actorSubject,
    record_kind: record.kind,
    record_id: id,
    position: null,
    purpose: null,
    outcome: 'done' as const,
    visibility: 'both' as const,
    facts: JSON.stringify(form.facts),
    salt: form.salt,
    leaf_hash: form.leafHash,
  };
}

function* chunksOf<Each>(all: readonly Each[], size: number): Generator<readonly Each[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}
