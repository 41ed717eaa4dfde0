import type { Narration } from './demo-narration.ts';
import type { DemoNode } from './demo-node.ts';
import type { PidOf } from './demo-process.ts';

/** Where the story plays: the cities it names, every node that must hold to a refusal, and the day in Japan. */
export type Stage = {
  readonly narration: Narration;
  readonly hirakata: DemoNode;
  readonly osaka: DemoNode;
  readonly sakai: DemoNode;
  readonly daito: DemoNode;
  readonly nodes: readonly DemoNode[];
  readonly pidOf: PidOf;
  readonly today: string;
};
