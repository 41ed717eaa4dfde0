import t from 'tap';
import { MigrationFault } from '../../src/db/migrate.ts';
import { planNetwork } from '../../src/network/network-plan.ts';
import { EmbeddedPostgresFault } from '../../src/network/postgres-fault.ts';
import { faultLine, networkTable } from '../../src/network/say.ts';
import { readOptions } from '../../src/network/start-options.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';

const known = publishedRuleBook.authorities;
const aPlan = (over: { port?: number; chosen?: string[] } = {}) =>
  planNetwork(known, { data: '/data', port: 4100, chosen: undefined, ...over });

function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return faultLine(error);
  }
  return 'no fault';
}

t.test('the eight founding authorities get a port, a folder and a database each', async (t) => {
  const { anchor, authorities } = aPlan();
  t.strictSame(anchor, { entityId: 'http://localhost:4100', port: 4100, folder: '/data/anchor' });
  t.strictSame(
    authorities.map(({ id, port }) => `${id} ${port}`),
    [
      'osaka-pref 4101',
      'osaka 4102',
      'sakai 4103',
      'hirakata 4104',
      'katano 4105',
      'daito 4106',
      'tondabayashi 4107',
      'kaizuka 4108',
    ],
  );
  t.strictSame(authorities[0], {
    id: 'osaka-pref',
    order: 0,
    code: '270008',
    name: { ja: '大阪府', en: 'Osaka Prefecture' },
    entityId: 'http://localhost:4101',
    port: 4101,
    folder: '/data/osaka-pref',
    database: 'chikai_osaka_pref',
    owner: 'chikai_osaka_pref_owner',
    appLogin: 'chikai_osaka_pref_app',
    membership: { from: '2022-09-01' },
  });
});

t.test('an authority keeps its address whoever else is started', async (t) => {
  const ports = aPlan({ chosen: ['ibaraki', 'hirakata'] }).authorities.map(({ id, port }) => `${id} ${port}`);
  t.strictSame(ports, ['hirakata 4104', 'ibaraki 4109']);
});

t.test('an agreement that has ended is planned with its last day', async (t) => {
  const [first, ...others] = known;
  t.ok(first);
  if (!first) return;
  const memberships = first.memberships.map((one) => ({ ...one, validTo: '2024-03-31' }));
  const terms = { data: '/data', port: 4100, chosen: undefined };
  const plan = planNetwork([{ ...first, memberships }, ...others], terms);
  t.strictSame(plan.authorities[0]?.membership, { from: '2022-09-01', to: '2024-03-31' });
});

t.test('options are read, and a wrong one is refused with the right ones', async (t) => {
  t.strictSame(readOptions([], '/home'), { port: 4100, data: '/home/data', chosen: undefined });
  t.strictSame(readOptions(['--port', '5100', '--data=/d', '--authorities', 'osaka, sakai,'], '/home'), {
    port: 5100,
    data: '/d',
    chosen: ['osaka', 'sakai'],
  });
  t.equal(readOptions(['-h'], '/'), 'help');
  const ids = 'osaka-pref,osaka,sakai,hirakata,katano,daito,tondabayashi,kaizuka,ibaraki';
  const refused: readonly (readonly [() => unknown, string])[] = [
    [
      () => readOptions(['--prot', '1'], '/'),
      "Unknown option '--prot': the options are --port, --data, --authorities and --help.",
    ],
    [
      () => readOptions(['osaka'], '/'),
      "Unexpected argument 'osaka': the options are --port, --data, --authorities and --help.",
    ],
    [() => aPlan({ chosen: ['kyoto'] }), `--authorities names "kyoto": choose from ${ids}.`],
    [() => aPlan({ chosen: [] }), `--authorities names nothing: choose from ${ids}.`],
    ...[80, 65_527, Number.NaN].map(
      (port) =>
        [
          () => aPlan({ port }),
          '--port takes a number from 1024 to 65526: the 10 ports from there on are used.',
        ] as const,
    ),
  ];
  for (const [work, words] of refused) t.equal(faultOf(work).split(' / ')[1], words);
});

t.test(
  'a failure is one line in two languages, and an unforeseen one tells nothing it should not',
  async (t) => {
    t.equal(
      faultLine(new EmbeddedPostgresFault('folder_in_use', 'Stop it.')),
      'このデータフォルダーはすでに使用中です。先に動いているものを止めてください。 / Stop it.',
    );
    t.equal(
      faultLine(new MigrationFault('database_newer', 'Start a newer release.')),
      'データベースはより新しい版で作られています。新しい版で始めてください。 / Start a newer release.',
    );
    t.equal(
      faultLine(new TypeError('架空 花子')),
      '予期しない誤りのため起動できません。 / The network cannot start because of an unexpected error (TypeError): please report it.',
    );
  },
);

t.test('the table says who is where, and who lacks what', async (t) => {
  const plan = aPlan({ chosen: ['osaka', 'sakai'] });
  const [osaka, sakai] = plan.authorities;
  t.ok(osaka && sakai);
  if (!osaka || !sakai) return;
  const couple = {
    registrationId: 'r',
    certificateIds: [],
    loginCodes: { first: 'AAAA-AAAA-AAAA', second: 'BBBB-BBBB-BBBB' },
  };
  const table = networkTable(plan, {
    couples: new Map([['osaka', couple]]),
    withoutCouple: [{ authority: sakai, reason: 'POST registrations: 422 requirements_unmet' }],
    notRecognising: [sakai],
  });
  t.match(table, '\n信頼の基点  Trust anchor  http://localhost:4100\n');
  t.match(table, '\n大阪市      Osaka City    http://localhost:4102  AAAA-AAAA-AAAA  BBBB-BBBB-BBBB\n');
  t.match(table, '\n堺市        Sakai City    http://localhost:4103  —\n');
  t.match(table, '(Sakai City does not recognise everybody yet, and keeps trying)');
  t.match(table, '(no fictional couple at Sakai City: POST registrations: 422 requirements_unmet)');
  t.match(table, '\n  /data/network.json\n');
});
