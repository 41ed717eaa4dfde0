import type { MigrationFaultCode } from '../db/migrate.ts';
import { MigrationFault } from '../db/migrate.ts';
import { PAGE_PATHS } from '../pages/page-language.ts';
import type { NetworkReport, NetworkStep } from './local-network.ts';
import { networkFilePath } from './network-file.ts';
import type { AuthorityPlan, NetworkPlan } from './network-plan.ts';
import { EmbeddedPostgresFault, type EmbeddedPostgresFaultCode } from './postgres-fault.ts';
import { StartFault } from './start-fault.ts';

export const STEPS: Readonly<Record<NetworkStep, string>> = {
  database: 'データベースが動いています (database is up)',
  prepared: '鍵とデータベースの準備ができました (keys and databases are ready)',
  processes: '各自治体のプロセスが動いています (each authority’s process is up)',
  recognised: '互いを確認しました (they recognise each other)',
};

/** The table of who is where and how to get in, and what else there is to know. */
export function networkTable(plan: NetworkPlan, report: NetworkReport): string {
  const header = ['自治体', 'Authority', '住所 Address', 'お二人のログインコード Log-in codes of the couple'];
  const rows = plan.authorities.map(({ id, name, entityId }) => {
    const codes = report.couples.get(id)?.loginCodes;
    return [name.ja, name.en, entityId, codes ? `${codes.first}  ${codes.second}` : '—'];
  });
  const anchor = ['信頼の基点', 'Trust anchor', plan.anchor.entityId, ''];
  return [
    ...aligned([header, anchor, ...rows]),
    '',
    '受領証を確認するページ (the page that checks a certificate, at every authority, e.g.):',
    `  ${plan.authorities[0]?.entityId}${PAGE_PATHS.ja}`,
    '職員の役割ごとのトークンなど (staff tokens by role, and everything else):',
    `  ${networkFilePath(plan.data)}`,
    ...report.notRecognising.map((authority) => stillAlone(authority)),
    ...report.withoutCouple.map(
      ({ authority, reason }) =>
        `注意: ${authority.name.ja}の架空の登録ができませんでした (no fictional couple at ${authority.name.en}: ${reason})`,
    ),
    'Ctrl-C で止まります (Ctrl-C stops everything)',
  ].join('\n');
}

function stillAlone({ name }: AuthorityPlan): string {
  return `注意: ${name.ja}はまだ全員を確認していません。続けて試みます (${name.en} does not recognise everybody yet, and keeps trying)`;
}

export function revivedLine(what: AuthorityPlan | 'anchor' | 'database'): string {
  if (what === 'anchor') return '信頼の基点が止まったため、起動し直しました (the trust anchor was restarted)';
  if (what === 'database') return 'データベースが止まったため、起動し直しました (the database was restarted)';
  return `${what.name.ja}が止まったため、起動し直しました (${what.name.en} was restarted)`;
}

/** One line for any failure, the Japanese sentence first. What nobody foresaw keeps its stack to itself. */
export function faultLine(error: unknown): string {
  if (error instanceof StartFault) return `${error.ja}。 / ${error.message}`;
  if (error instanceof EmbeddedPostgresFault) return `${DATABASE_WORDS[error.code]}。 / ${error.message}`;
  if (error instanceof MigrationFault) return `${MIGRATION_WORDS[error.code]}。 / ${error.message}`;
  const { name, code } = error as { name?: string; code?: string };
  const kind = [name, code].filter(Boolean).join(' ');
  return `予期しない誤りのため起動できません。 / The network cannot start because of an unexpected error (${kind}): please report it.`;
}

const DATABASE_WORDS = {
  platform_unsupported: 'この機種で動く PostgreSQL が入っていません',
  program_unusable: '同梱の PostgreSQL がこの環境では動きません',
  folder_unusable:
    'データフォルダーを使えません。アクセス権を確かめるか、--data で別の場所を指定してください',
  folder_in_use: 'このデータフォルダーはすでに使用中です。先に動いているものを止めてください',
  folder_other_version: 'データフォルダーは別の版の PostgreSQL で作られています',
  folder_damaged: 'データフォルダーが壊れています。バックアップから戻すか、退避して空から始めてください',
  start_failed: 'データベースが起動しません。データフォルダーの postgres.log を見てください',
} as const satisfies Record<EmbeddedPostgresFaultCode, string>;

const MIGRATION_WORDS = {
  file_malformed: 'migrations フォルダーに正しくないファイルがあります',
  number_gap: 'migrations フォルダーかデータベースの番号が飛んでいます',
  file_changed: '適用済みの migrations が書き換えられています。元に戻してください',
  statement_failed: 'データベースの更新に失敗し、元に戻しました',
  database_newer: 'データベースはより新しい版で作られています。新しい版で始めてください',
  database_older: 'データベースが古いままです',
  roles_missing: 'データベースに必要なロールがありません',
  other_authority: 'ほかの自治体のデータベースです',
} as const satisfies Record<MigrationFaultCode, string>;

/** Columns padded to the width a terminal gives them: East Asian characters take two places. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd(),
  );
}

function width(text: string): number {
  return [...text].reduce(
    (sum, character) =>
      sum + (/[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/.test(character) ? 2 : 1),
    0,
  );
}
