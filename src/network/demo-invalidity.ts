import { type Certificates, POSITIONS, verify } from './demo-counter.ts';
import type { Move } from './demo-move.ts';
import { claim } from './demo-narration.ts';
import { type DemoNode, type Schemas, until } from './demo-node.ts';
import type { Stage } from './demo-stage.ts';

/**
 * The promise is 60 seconds, at every node of the network, for every form of every old certificate. Counted from the
 * approval, so that the hand-over itself is included.
 */
export async function tellInvalidity(
  { narration, nodes }: Stage,
  { approvedMs }: Move,
  old: Certificates,
): Promise<void> {
  narration.scene({ ja: '前の受領証は使えなくなる', en: 'The old certificate is refused' });
  const texts = POSITIONS.flatMap((position) => [old[position].sdJwtVc, old[position].paperToken]);
  const slowest = await narration.step(
    {
      ja: `加盟する${nodes.length}自治体のすべてで、60秒以内に無効になりました（SD-JWT と紙）`,
      en: `invalid at all ${nodes.length} nodes within 60 seconds, SD-JWT and paper`,
    },
    async () => {
      await Promise.all(nodes.map((node) => untilRefused(node, texts)));
      const seconds = (performance.now() - approvedMs) / 1000;
      claim(seconds <= 60, `refused everywhere within 60 s, not ${seconds.toFixed(1)} s`);
      return seconds;
    },
  );
  narration.figure(
    {
      ja: '決裁から、前の受領証が全自治体で無効になるまで',
      en: 'from approval until the old certificates are refused everywhere',
    },
    `${slowest.toFixed(2)} 秒`,
  );
  await narration.step(
    {
      ja: '無効という答えには、どこへ移ったかを示すものがありません',
      en: 'the negative answer carries no place',
    },
    async () => {
      const answers = await Promise.all(nodes.map((node) => verify(node, old.first.sdJwtVc)));
      const texts = new Set(answers.map((answer) => JSON.stringify(answer)));
      claim(texts.size === 1, 'every node gives the same answer');
      for (const answer of answers) claimPlaceless(answer, nodes);
    },
  );
}

async function untilRefused(node: DemoNode, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await until(`${node.name} refuses the old certificate`, 60, async () => {
      const { verdict } = await verify(node, text);
      return verdict === 'invalid' ? true : undefined;
    });
  }
}

/** Verdict and checks, and in them codes only: no name, code or address of any authority. */
export function claimPlaceless(answer: Schemas['Verification'], nodes: readonly DemoNode[]): void {
  claim(
    Object.keys(answer).toSorted().join() === 'checks,verdict',
    'a negative answer has a verdict and checks, no more',
  );
  const text = JSON.stringify(answer);
  const places = nodes.flatMap(({ authority: { code, name, entityId } }) => [
    code,
    name.ja,
    name.en,
    entityId,
  ]);
  claim(!places.some((place) => text.includes(place)), 'a negative answer names no authority');
}
