import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import {
  type DatabaseAddress,
  databaseUrl,
  newClient,
  type OpenDatabase,
  openDatabase,
} from '../src/db/database.ts';
import type { AuthorityCode } from '../src/kernel/authority.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { blindIndexOf, nameIndexOf } from '../src/registry/blind-index.ts';
import { searchRegister } from '../src/registry/search-register.ts';
import type { Vault } from '../src/registry/vault.ts';
import { inLanes, type Leg } from './measurement.ts';

/** Couples in the smallest register, in that of a large city, and in one of ten such. */
const [SMALL, CITY, TEN_CITIES] = [1_000, 20_000, 200_000] as const;
const SIZES = [SMALL, CITY, TEN_CITIES] as const;
type Size = (typeof SIZES)[number];

const nameOf = (couples: Size) => `a person searched, ${couples.toLocaleString('en')} couples, in process`;

export const NAMES = { small: nameOf(SMALL), city: nameOf(CITY), tenCities: nameOf(TEN_CITIES) } as const;

/** So many of each register's couples are searched for; the others are only in the way. */
const KNOWN = 200;
const BIRTH_DATE = '1990-04-01';
const kanaOf = (at: number) => `カクウ ケンサク ${at}`;

const vault: Vault = {
  authority: '271004' as AuthorityCode,
  keyEncryption: randomBytes(32),
  blindIndex: randomBytes(32),
};

export type SearchLegs = {
  readonly legs: Leg[];
  /** Milliseconds per search and register, the first turn left out. */
  readonly times: () => string[];
  readonly close: () => Promise<void>;
};

/**
 * Searches as the counter makes them, log entry included, one after the other: in three registers that differ only in
 * their size. Each stands in a schema of its own beside the tables of one authority.
 */
export function searchLegs({ owner, app }: { owner: DatabaseAddress; app: DatabaseAddress }): SearchLegs {
  const opened: OpenDatabase[] = [];
  const turns = new Map<Size, number[][]>(SIZES.map((size) => [size, []]));
  const legs = SIZES.map((size): Leg => {
    let database: OpenDatabase | undefined;
    return {
      name: nameOf(size),
      prepare: async () => {
        if (database) return;
        await fillRegister(owner, size);
        database = openDatabase(within(app, schemaOf(size)), { max: 1, applicationName: 'bench' });
        opened.push(database);
      },
      run: async (ms) => {
        const times: number[] = [];
        turns.get(size)?.push(times);
        return inLanes(1, ms, async () => {
          const start = performance.now();
          if (database) await searchOne(database);
          times.push(performance.now() - start);
          return 1;
        });
      },
    };
  });
  const close = async () => void (await Promise.all(opened.map((database) => database.close())));
  return { legs, times: () => SIZES.flatMap((size) => timesLine(size, turns.get(size) ?? [])), close };
}

async function searchOne({ db }: OpenDatabase): Promise<void> {
  const at = randomInt(KNOWN);
  const terms = { birthDate: BIRTH_DATE, kana: kanaOf(at), name: kanaOf(at) };
  const clerk = { kind: 'staff', role: 'clerk', subject: 'bench-clerk' } as const;
  const { found } = await searchRegister({ db, clock: systemClock, vault }, clerk, terms, 'inquiry');
  if (found.length !== 1) throw new Error(`one person was found ${found.length} times`);
}

/** The index rows alone, by statements and not by oaths: what sealed columns hold is nothing to a search. */
async function fillRegister(owner: DatabaseAddress, couples: Size): Promise<void> {
  const client = newClient(owner, 'bench');
  const schema = schemaOf(couples);
  await client.connect();
  try {
    await client.query(`
      create schema ${schema};
      create table ${schema}.registration (like public.registration including all);
      create table ${schema}.partner_search (like public.partner_search including all);
      grant usage on schema ${schema} to chikai_app;
      grant select on all tables in schema ${schema} to chikai_app;
      set search_path to ${schema};
      insert into registration (id, epoch, state, oath_date, first_oath_date, first_authority, registered_at)
        select gen_random_uuid(), 1, 'active', '2024-05-01', '2024-05-01', '${vault.authority}', now()
        from generate_series(1, ${couples - KNOWN});
      insert into partner_search (registration_id, epoch, position, kind, blind_index)
        select id, epoch, position, kind, uuid_send(gen_random_uuid())
        from registration, unnest(array['first', 'second']) position, unnest(array['kana', 'name', 'alias']) kind;
    `);
    const ids = Array.from({ length: KNOWN }, () => randomUUID());
    await client.query(
      `insert into registration (id, epoch, state, oath_date, first_oath_date, first_authority, registered_at)
        select id, 1, 'active', '2024-05-01', '2024-05-01', $2, now() from unnest($1::uuid[]) id`,
      [ids, vault.authority],
    );
    await client.query(
      `insert into partner_search (registration_id, epoch, position, kind, blind_index)
        select id, 1, 'first', kind, blind_index
        from unnest($1::uuid[], $2::bytea[], $3::bytea[]) person (id, kana, name),
          lateral (values ('kana', kana), ('name', name)) entry (kind, blind_index)`,
      [
        ids,
        ids.map((_, at) => blindIndexOf(vault.blindIndex, { kana: kanaOf(at), birthDate: BIRTH_DATE })),
        ids.map((_, at) => nameIndexOf(vault.blindIndex, kanaOf(at), BIRTH_DATE)),
      ],
    );
    await client.query('analyze registration; analyze partner_search');
  } finally {
    await client.end();
  }
}

function schemaOf(couples: Size): string {
  return `register_of_${couples}`;
}

function within(address: DatabaseAddress, schema: string): string {
  const url = new URL(databaseUrl(address));
  url.searchParams.set('options', `-c search_path=${schema},public`);
  return url.href;
}

function timesLine(couples: Size, turns: readonly (readonly number[])[]): string[] {
  const times = turns.slice(1).flat();
  if (times.length === 0) return [];
  const sorted = times.toSorted((one, other) => one - other);
  const below = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  return [
    `a search among ${couples.toLocaleString('en')} couples: half within ${below(0.5)} ms, 99 % within ${below(0.99)} ms`,
  ];
}
