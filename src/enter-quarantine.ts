import { readFileSync } from 'node:fs';
import { type Config, ConfigFault, readConfig } from './config.ts';
import { openDatabase } from './db/database.ts';
import { inTransaction } from './db/transaction.ts';
import { enterQuarantine } from './federation/standing-store.ts';
import { systemClock } from './kernel/clock.ts';

const USAGE = `npm run quarantine   データベースをバックアップから復元したあと、ノードを起動する前に実行する / run after restoring the database, before the node starts

設定は src/main.ts と同じ環境変数です。起動したノードは、他のすべての加盟自治体の回答を得てから業務を再開します。
Settings are the environment of src/main.ts. The node then returns to service once every other member has answered.`;

/** `npm run quarantine`: for a base backup or a fail-over, of which the node itself cannot know. */
async function main(words: readonly string[]): Promise<number> {
  if (words.length > 0) {
    process.stderr.write(`${USAGE}\n`);
    return words[0] === '--help' || words[0] === '-h' ? 0 : 1;
  }
  const generation = await enter(readConfig(process.env, (path) => readFileSync(path, 'utf8')));
  process.stdout.write(
    `隔離を始めました（世代 ${generation}）。ノードを起動すると、加盟自治体への確認が始まります。\n` +
      `In quarantine, generation ${generation}. Once started, the node asks the other members.\n`,
  );
  return 0;
}

async function enter({ databaseUrl, issuer: self }: Config): Promise<number> {
  const { db, close } = openDatabase(databaseUrl, { max: 1, applicationName: 'chikai quarantine' });
  const entrance = { cause: 'operator', self } as const;
  return inTransaction(db, (trx) => enterQuarantine(trx, systemClock, entrance)).finally(close);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Our own faults are written for an operator; others may quote what they should not.
  const told =
    error instanceof ConfigFault ? error.message : `失敗しました。 / It failed (${(error as Error).name}).`;
  process.stderr.write(`${told}\n`);
  process.exitCode = 1;
}
