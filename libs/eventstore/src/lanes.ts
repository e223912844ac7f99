/** Works through lanes, each in order, so many lanes at once. Every lane that began has ended when this throws the first error. */
export async function inLanes<Item>(
  lanes: readonly (readonly Item[])[],
  maxLanes: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = lanes[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (const lane of waiting) {
      for (const item of lane) {
        if (failed) return;
        try {
          await work(item);
        } catch (error) {
          failed = true;
          throw error;
        }
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(maxLanes, lanes.length) }, worker));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}
