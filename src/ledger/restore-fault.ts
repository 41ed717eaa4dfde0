/** What can be wrong with a file or a node, with what may be told: places, names of tables and columns, codes. */
export type RestoreFaultFacts = {
  file_unreadable: Record<never, never>;
  not_an_export: Record<never, never>;
  version_unknown: Record<never, never>;
  authority_other: { readonly own: string };
  address_other: { readonly own: string };
  migration_unknown: { readonly known: string };
  line_malformed: { readonly line: number };
  line_too_long: { readonly line: number; readonly limitBytes: number };
  table_unknown: { readonly line: number };
  table_out_of_order: { readonly line: number; readonly table: string; readonly after: string };
  row_malformed: { readonly line: number; readonly table: string; readonly column?: string };
  row_refused: {
    readonly line: number;
    readonly last: number;
    readonly table: string;
    readonly rule: string;
  };
  file_truncated: { readonly line: number };
  lines_missing: { readonly line: number; readonly counted: number };
  digest_differs: { readonly line: number };
  text_after_end: { readonly line: number };
  node_not_empty: { readonly table: string };
};

export type RestoreFaultCode = keyof RestoreFaultFacts;

/** Why nothing was restored, in words for whoever operates the node. Never repeats what stands in the file. */
export class RestoreFault<Code extends RestoreFaultCode = RestoreFaultCode> extends Error {
  readonly code: Code;
  readonly facts: RestoreFaultFacts[Code];

  constructor(code: Code, facts: RestoreFaultFacts[Code]) {
    const { ja, en } = WORDS[code](facts);
    super(`${ja}\n${en}`);
    this.name = 'RestoreFault';
    this.code = code;
    this.facts = facts;
  }
}

type Words = { readonly ja: string; readonly en: string };

const AGAIN = {
  ja: '元のノードからもう一度ダウンロードしてください。',
  en: 'Download it once more from the old node.',
};
const damaged = (ja: string, en: string): Words => ({ ja: `${ja}${AGAIN.ja}`, en: `${en} ${AGAIN.en}` });

const WORDS: { readonly [Code in RestoreFaultCode]: (facts: RestoreFaultFacts[Code]) => Words } = {
  file_unreadable: () => ({
    ja: 'ファイルを読めません。パスと読取り権限を確かめてください。',
    en: 'The file cannot be read. Check its path and whether you may read it.',
  }),
  not_an_export: () => ({
    ja: '1行目が全件出力のファイルのものではありません。全件出力でダウンロードしたファイルをそのまま指定してください。',
    en: 'Line 1 is not that of an export. Name the file exactly as the export gave it.',
  }),
  version_unknown: () => ({
    ja: '1行目の形式の版をこのプログラムは知りません。このファイルを作った版以降のプログラムで復元してください。',
    en: 'Line 1 names a version of the format that this program does not know. Restore with a release as new as the one that made the file.',
  }),
  authority_other: ({ own }) => ({
    ja: `1行目の団体コードがこのノードのもの(${own})と違います。CHIKAI_AUTHORITY とファイルを確かめてください。`,
    en: `Line 1 names another authority than this node's (${own}). Check CHIKAI_AUTHORITY and the file.`,
  }),
  address_other: ({ own }) => ({
    ja: `1行目のアドレスがこのノードのもの(${own})と違います。受領証に書かれたアドレスは変えられません。CHIKAI_ISSUER を元のノードと同じにしてください。`,
    en: `Line 1 names another address than this node's (${own}). Certificates carry it, so it cannot change: set CHIKAI_ISSUER as it was at the old node.`,
  }),
  migration_unknown: ({ known }) => ({
    ja: `1行目に、このプログラムの知らない表の形があります(知っているのは ${known} まで)。元のノードと同じか新しい版で復元してください。`,
    en: `Line 1 names a form of the tables that this program does not know (it knows them up to ${known}). Restore with the old node's release or a newer one.`,
  }),
  line_malformed: ({ line }) =>
    damaged(`${line}行目が決められた形ではありません。`, `Line ${line} does not have its form.`),
  line_too_long: ({ line, limitBytes }) =>
    damaged(
      `${line}行目が長すぎます(${limitBytes}バイトまで)。`,
      `Line ${line} has more than ${limitBytes} bytes.`,
    ),
  table_unknown: ({ line }) =>
    damaged(`${line}行目は知らない表のものです。`, `Line ${line} belongs to a table that is not known.`),
  table_out_of_order: ({ line, table, after }) =>
    damaged(
      `${line}行目の表 ${table} が表 ${after} の後にあり、順序が違います。`,
      `Line ${line} is out of order: table ${table} after table ${after}.`,
    ),
  row_malformed: ({ line, table, column }) =>
    damaged(
      `${line}行目(表 ${table}${column ? `、列 ${column}` : ''})が決められた形ではありません。`,
      `Line ${line} (table ${table}${column ? `, column ${column}` : ''}) does not have its form.`,
    ),
  row_refused: ({ line, last, table, rule }) =>
    damaged(
      `${line}行目から${last}行目まで(表 ${table})のどれかをデータベースが受け付けません(${rule})。`,
      `The database refuses one of the lines ${line} to ${last} (table ${table}; ${rule}).`,
    ),
  file_truncated: ({ line }) =>
    damaged(
      `ファイルが${line}行目で途切れています。最後の行がありません。`,
      `The file breaks off at line ${line}: its last line is missing.`,
    ),
  lines_missing: ({ line, counted }) =>
    damaged(
      `${line}行目(最後の行)の言う行数と違い、その前に${counted}行あります。`,
      `Line ${line}, the last, states another number of lines than the ${counted} before it.`,
    ),
  digest_differs: ({ line }) =>
    damaged(
      `${line}行目(最後の行)のダイジェストが合いません。ファイルのどこかが変わっています。`,
      `The digest in line ${line}, the last, does not match: something in the file has changed.`,
    ),
  text_after_end: ({ line }) =>
    damaged(`最後の行の後に${line}行目があります。`, `Line ${line} stands after the last line.`),
  node_not_empty: ({ table }) => ({
    ja: `このノードのデータベースは空ではありません(表 ${table} に行があります)。新しい空のデータベースを用意し、ノードを起動する前に復元してください。`,
    en: `This node's database is not empty (table ${table} has rows). Make a new, empty database and restore before the node is started.`,
  }),
};
