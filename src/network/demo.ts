import { parseArgs } from 'node:util';
import { dayInJapan, systemClock } from '../kernel/clock.ts';
import { tellAudit } from './demo-audit.ts';
import { tellCrash } from './demo-crash.ts';
import { tellInvalidity } from './demo-invalidity.ts';
import { tellMove } from './demo-move.ts';
import { Narration } from './demo-narration.ts';
import { tellOath } from './demo-oath.ts';
import { tellPaper } from './demo-paper.ts';
import { tellRefusal } from './demo-refusal.ts';
import { tellRegister } from './demo-register.ts';
import { readStage } from './demo-stage.ts';

/**
 * `npm run demo [-- --data FOLDER]`: the story, played against the network that `npm start` runs. Over HTTP alone, with
 * invented people, others at each run; each step checks what it tells.
 *
 * @throws StoryFault at the first step that does not hold
 */
async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { data: { type: 'string', default: './data' } } });
  const narration = new Narration({ print: (line) => console.log(line), nowMs: () => performance.now() });
  console.log('誓い Chikai: 宣誓から引継ぎまでの物語 (the story, from an oath to its move)');
  const stage = await readStage(values.data, narration, dayInJapan(systemClock()));
  const couple = await tellOath(stage);
  const move = await tellMove(stage, couple.old);
  await tellInvalidity(stage, move, couple.old);
  await tellPaper(stage, move);
  await tellAudit(stage, couple, move);
  await tellRegister(stage);
  await tellRefusal(stage, couple.old.first);
  await tellCrash(stage);
  narration.summarise();
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(
    `\n物語はここで止まりました / The story stops here: ${error instanceof Error ? error.message : 'unknown'}`,
  );
  process.exitCode = 1;
}
