import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dayInJapan, systemClock } from '../kernel/clock.ts';
import { tellAudit } from './demo-audit.ts';
import { tellCrash } from './demo-crash.ts';
import { tellMove } from './demo-move.ts';
import { claim, Narration, StoryFault } from './demo-narration.ts';
import { DemoNode } from './demo-node.ts';
import { tellRefusal } from './demo-refusal.ts';
import type { Stage } from './demo-stage.ts';
import { type NetworkFile, readNetworkFile } from './network-file.ts';

/** `npm run demo`: the whole story against the network that `npm start` runs. Ends with 1 where a claim does not hold. */
async function run(): Promise<void> {
  const { values } = parseArgs({ options: { data: { type: 'string', default: 'data' } } });
  const narration = new Narration({ print: (line) => console.log(line), nowMs: () => performance.now() });
  console.log('誓い — 物語でたどる: 宣誓、検証、引継ぎ、監査');
  console.log('Chikai — the story: an oath, its verification, its move, its audit');
  const stage = await setStage(values.data, narration);
  const move = await tellMove(stage);
  await tellAudit(stage, move);
  await tellRefusal(stage, move.old.first);
  await tellCrash(stage);
  narration.summarise();
}
