import { type Narration, StoryFault } from './demo-narration.ts';
import { DemoNode } from './demo-node.ts';
import type { PidOf } from './demo-process.ts';
import { type NetworkFile, readNetworkFile } from './network-file.ts';

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

const NOT_RUNNING =
  'ネットワークが動いていません。別の端末で npm start を実行してください。 / The network is not running: run npm start in another terminal.';

/**
 * The network as `npm start` has written it down.
 *
 * @param data the data folder of the running network
 * @throws StoryFault where nothing runs there, or a city of the story does not
 */
export async function readStage(data: string, narration: Narration, today: string): Promise<Stage> {
  const { authorities } = await readRunning(data);
  const nodes = authorities.map((authority) => new DemoNode(authority));
  const city = (id: string): DemoNode => {
    const node = nodes.find(({ authority }) => authority.id === id);
    if (!node) throw new StoryFault(`${id} is not among the authorities that were started.`);
    return node;
  };
  const cities = {
    hirakata: city('hirakata'),
    osaka: city('osaka'),
    sakai: city('sakai'),
    daito: city('daito'),
  };
  const silent = (
    await Promise.all(nodes.map(async (node) => ((await node.isAlive()) ? '' : node.name)))
  ).filter(Boolean);
  if (silent.length > 0) throw new StoryFault(`${NOT_RUNNING} (${silent.join('、')})`);
  return { narration, ...cities, nodes, pidOf: pidIn(data), today };
}

async function readRunning(data: string): Promise<NetworkFile> {
  const running = await readNetworkFile(data);
  if (!running) throw new StoryFault(`${NOT_RUNNING} (${data})`);
  return running;
}

function pidIn(data: string): PidOf {
  return async (id) => {
    const pid = (await readRunning(data)).authorities.find((authority) => authority.id === id)?.pid;
    if (pid === undefined) throw new StoryFault(`${id} has no process at the moment.`);
    return pid;
  };
}
