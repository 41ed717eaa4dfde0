/**
 * Does the same with each of many, a few at a time: a network of 1,800 members asked all at once would take more memory
 * and sockets than all the rest of a node. The answers stand in the order of the items.
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array<Result>(items.length);
  const entries = items.entries();
  const lane = async () => {
    for (const [at, item] of entries) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  return results;
}
