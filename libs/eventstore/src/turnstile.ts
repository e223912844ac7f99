/** One at a time per key, in the order of arrival. */
export interface Turnstile {
  /** @throws what `full` makes when too many wait at this key already */
  pass<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function turnstile(maxWaiting: number, full: (key: string) => Error): Turnstile {
  const queues = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  return {
    async pass(key, work) {
      const queue = queues.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
      if (queue.waiting > maxWaiting) throw full(key);
      queues.set(key, queue);
      queue.waiting += 1;
      const turn = queue.tail.then(work);
      queue.tail = turn.catch(() => undefined);
      try {
        return await turn;
      } finally {
        queue.waiting -= 1;
        if (queue.waiting === 0) queues.delete(key);
      }
    },
  };
}
