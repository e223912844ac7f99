/**
 * A map that never changes: `with` and `without` answer a new one, and every older one still says what it said. The newest
 * costs what a Map costs, since all versions share one; whoever reads an older one pays for the steps between. A state that
 * grows with each event of a busy stream can so be immutable without being copied.
 */
export class PersistentMap<K, V> {
  /** The newest version that was looked at has the map; each other one knows by what it differs from one nearer to it. */
  #map: Map<K, V> | undefined;
  #differs:
    { readonly from: PersistentMap<K, V>; readonly key: K; readonly had: boolean; readonly value: V | undefined } | undefined;

  private constructor(map: Map<K, V>) {
    this.#map = map;
  }

  static empty<K, V>(): PersistentMap<K, V> {
    return new PersistentMap(new Map<K, V>());
  }

  get size(): number {
    return this.#own().size;
  }
  has(key: K): boolean {
    return this.#own().has(key);
  }
  get(key: K): V | undefined {
    return this.#own().get(key);
  }
  /** Those of this version, in no promised order. */
  keys(): K[] {
    return [...this.#own().keys()];
  }
  with(key: K, value: V): PersistentMap<K, V> {
    return this.#next(key, (map) => map.set(key, value));
  }
  without(key: K): PersistentMap<K, V> {
    return this.has(key) ? this.#next(key, (map) => map.delete(key)) : this;
  }

  #next(key: K, change: (map: Map<K, V>) => unknown): PersistentMap<K, V> {
    const map = this.#own();
    const next = new PersistentMap(map);
    this.#handOver(next, key, map);
    change(map);
    return next;
  }

  #handOver(to: PersistentMap<K, V>, key: K, map: Map<K, V>): void {
    this.#differs = { from: to, key, had: map.has(key), value: map.get(key) };
    this.#map = undefined;
  }

  /** The shared map as this version has it: fetched from whoever has it now, one step after the other. */
  #own(): Map<K, V> {
    if (this.#map) return this.#map;
    if (!this.#differs) throw new Error('a version of a map has it, or knows who is nearer to it');
    const path: PersistentMap<K, V>[] = [this];
    let holder = this.#differs.from;
    while (holder.#differs) {
      path.push(holder);
      holder = holder.#differs.from;
    }
    const map = holder.#map;
    if (!map) throw new Error('one of the versions of a map has it');
    for (const version of path.reverse()) {
      const { key, had, value } = version.#differs ?? { key: undefined as K, had: false, value: undefined };
      holder.#handOver(version, key, map);
      if (had) map.set(key, value as V);
      else map.delete(key);
      version.#differs = undefined;
      version.#map = map;
      holder = version;
    }
    return map;
  }
}
