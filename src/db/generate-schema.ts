import type pg from 'pg';

/**
 * Describes the tables and views of schema `public` as Kysely interfaces, so that the types follow the migrations and not
 * somebody's memory. Same database, same text, whatever the order of its migrations. Columns come in their own order.
 * @throws Error on a column type without a TypeScript counterpart (`timestamp` without a time zone has none on purpose)
 */
export async function describeSchema(client: Pick<pg.Client, 'query'>): Promise<string> {
  const columns = (await client.query<Column>(COLUMNS)).rows;
  const unions = readUnions((await client.query<Check>(CHECKS)).rows);
  const tables = Map.groupBy(columns, (column) => column.table);
  const names = [...tables.keys()].sort();
  const used = new Set<string>();
  const interfaces = names.map((name) => {
    const lines = (tables.get(name) ?? []).map((column) => {
      const union = unions.get(`${name}.${column.name}`) ?? unions.get(column.domain ?? '');
      return `  ${property(column.name)}: ${columnType(column, union, used)};`;
    });
    return `export interface ${interfaceName(name)} {\n${lines.join('\n')}\n}`;
  });
  const members = names.map((name) => `  ${property(name)}: ${interfaceName(name)};`);
  const imports = [...used].sort().join(', ');
  return [
    '// Written by `npm run generate:schema` from the migrations. Do not edit.',
    ...(imports ? [`import type { ${imports} } from 'kysely';`] : []),
    '',
    `export interface Database {\n${members.join('\n')}${members.length ? '\n' : ''}}`,
    ...interfaces.map((text) => `\n${text}`),
    '',
  ].join('\n');
}

type Column = {
  table: string;
  name: string;
  /** Base type's name; an array's element type. */
  type: string;
  domain: string | null;
  array: boolean;
  nullable: boolean;
  defaulted: boolean;
  /** Identity or generated column that nobody may write. */
  computed: boolean;
};

type Check = { subject: string; definition: string };

/** The Kysely type of a column: what is read, and where it differs, what is inserted and updated. */
function columnType(column: Column, union: string | undefined, used: Set<string>): string {
  const scalar = union ?? scalarOf(column);
  const element = column.array && scalar.includes('|') ? `(${scalar})` : scalar;
  const base = column.array ? `${element}[]` : scalar;
  const read = column.nullable && base !== 'unknown' ? `${base} | null` : base;
  if (column.computed) {
    used.add('GeneratedAlways');
    return `GeneratedAlways<${read}>`;
  }
  if (base === 'unknown') {
    // pg would send a JavaScript array as a PostgreSQL array: JSON is written as text by whoever knows its shape.
    used.add('ColumnType');
    const write = column.nullable ? 'string | null' : 'string';
    return `ColumnType<unknown, ${column.defaulted ? `${write} | undefined` : write}, ${write}>`;
  }
  if (!column.defaulted) return read;
  used.add('Generated');
  return `Generated<${read}>`;
}

const SCALARS: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  // openDatabase reads it as a number and throws past 2^53 - 1.
  int8: 'number',
  float4: 'number',
  float8: 'number',
  numeric: 'string',
  text: 'string',
  varchar: 'string',
  bpchar: 'string',
  uuid: 'string',
  inet: 'string',
  date: 'string',
  timestamptz: 'Date',
  bytea: 'Buffer',
  json: 'unknown',
  jsonb: 'unknown',
};

function scalarOf(column: Column): string {
  const scalar = SCALARS[column.type];
  if (!scalar || (column.array && scalar === 'unknown')) {
    throw new Error(`no TypeScript type for ${column.table}.${column.name}: ${column.type}`);
  }
  return scalar;
}

/** `check (state in ('requested', …))` as a union of literals; any other check leaves the type as it is. */
function readUnions(checks: readonly Check[]): Map<string, string> {
  const unions = new Map<string, string>();
  for (const { subject, definition } of checks) {
    const list = /^CHECK \(\(+"?\w+"?\)?(?:::text)? (?:= ANY \(+ARRAY\[(.+)\]\)*|= ([^=]+?))\)+$/.exec(
      definition,
    );
    const items = (list?.[1] ?? list?.[2])?.match(ITEM) ?? [];
    const rest = (list?.[1] ?? list?.[2] ?? '').replace(ITEM, '').replaceAll(',', '').trim();
    if (items.length === 0 || rest !== '') continue;
    const literals = items.map((item) => literal(item.trim()));
    unions.set(subject, literals.join(' | '));
  }
  return unions;
}

/** One constant as PostgreSQL prints it: `'requested'::text`, `('a'::character varying)::text`, `12`. */
const ITEM = /\(?'(?:[^']|'')*'(?:::[a-z ]+)?\)?(?:::text)?|(?<![\w'])-?\d+(?![\w'])/g;

function literal(item: string): string {
  const text = /'((?:[^']|'')*)'/.exec(item)?.[1];
  if (text === undefined) return item;
  return `'${text.replaceAll("''", "'").replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function interfaceName(table: string): string {
  return `${table.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}Table`;
}

function property(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : JSON.stringify(name);
}

// A partition is read through its parent; the migrations' own ledger is nobody's table.
const COLUMNS = `
  with recursive base as (
    select oid, oid as base_oid, typname, typtype, typbasetype from pg_type
    union all
    select base.oid, t.oid, t.typname, t.typtype, t.typbasetype
    from base join pg_type t on t.oid = base.typbasetype where base.typtype = 'd'
  )
  select c.relname::text as "table", a.attname::text as name,
    coalesce(e.typname, b.typname)::text as type,
    case when d.typtype = 'd' then d.typname::text end as domain,
    e.oid is not null as "array",
    not (a.attnotnull or (d.typtype = 'd' and d.typnotnull)) as nullable,
    (a.atthasdef or a.attidentity <> '') as defaulted,
    (a.attgenerated <> '' or a.attidentity = 'a') as computed
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type d on d.oid = a.atttypid
  join base b on b.oid = a.atttypid and b.typtype <> 'd'
  left join pg_type e on e.oid = (select typelem from pg_type where oid = b.base_oid and typcategory = 'A')
  where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and c.relname <> 'schema_migration'
  order by c.relname collate "C", a.attnum`;

const CHECKS = `
  select case when k.contypid <> 0 then (select typname::text from pg_type where oid = k.contypid)
    else c.relname || '.' || a.attname end as subject,
    pg_get_constraintdef(k.oid) as definition
  from pg_constraint k
  left join pg_class c on c.oid = k.conrelid
  left join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
  join pg_namespace n on n.oid = k.connamespace and n.nspname = 'public'
  where k.contype = 'c' and (k.contypid <> 0 or cardinality(k.conkey) = 1)
  order by k.conname collate "C"`;
