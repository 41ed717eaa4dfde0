import { setTimeout as pause } from 'node:timers/promises';
import { makeAuthorityClient } from './authority-client.ts';

type Node = { readonly entityId: string };

/**
 * Waits until every authority recognises every other: until then a verification may answer `undetermined`.
 *
 * @returns the authorities that do not yet recognise all others when the time is over
 * @throws the signal's reason
 */
export async function awaitRecognition<N extends Node>(
  nodes: readonly N[],
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<readonly N[]> {
  let waiting = nodes;
  for (const end = performance.now() + withinMs; waiting.length > 0; await pause(100)) {
    signal.throwIfAborted();
    const complete = await Promise.all(waiting.map((node) => recognisesAll(node, nodes)));
    waiting = waiting.filter((_, at) => !complete[at]);
    if (performance.now() > end) break;
  }
  return waiting;
}

async function recognisesAll(node: Node, nodes: readonly Node[]): Promise<boolean> {
  try {
    const { members } = (await makeAuthorityClient(node.entityId).get('/v1/members')) as {
      members: readonly Node[];
    };
    const recognised = new Set(members.map(({ entityId }) => entityId));
    return nodes.every(({ entityId }) => recognised.has(entityId));
  } catch {
    return false;
  }
}
