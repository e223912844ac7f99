import { randomBytes } from 'node:crypto';

/** Where an event was stored. */
export interface IdPlace {
  streamNumber: number;
  revision: number;
}

const idBytes = 16;
const none = -1;

/**
 * The newest event ids and where each was stored; the oldest is forgotten when there are too many. A hash table over a ring,
 * in typed arrays: sixty thousand strings in a Map cost more than all else an append does.
 */
export class RecentIds {
  private readonly ids: Buffer;
  private readonly streamNumbers: Uint32Array;
  private readonly revisions: Float64Array;
  /** The slot that comes after each in its bucket. */
  private readonly after: Int32Array;
  private readonly buckets: Int32Array;
  /** Nobody can choose ids that all fall into one bucket. */
  private readonly secret = randomBytes(idBytes);
  private next = 0;
  private count = 0;

  constructor(private readonly most: number) {
    this.ids = Buffer.alloc(most * idBytes);
    this.streamNumbers = new Uint32Array(most);
    this.revisions = new Float64Array(most);
    this.after = new Int32Array(most).fill(none);
    this.buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * most))).fill(none);
  }

  /** The newest place of an id. */
  get(id: Buffer): IdPlace | undefined {
    for (let slot = this.buckets[this.bucketOf(id, 0)] ?? none; slot !== none; slot = this.after[slot] ?? none) {
      const at = slot * idBytes;
      if (this.ids.compare(id, 0, idBytes, at, at + idBytes) !== 0) continue;
      return { streamNumber: this.streamNumbers[slot] ?? 0, revision: this.revisions[slot] ?? 0 };
    }
    return undefined;
  }

  remember(id: Buffer, streamNumber: number, revision: number): void {
    const slot = this.next;
    this.next = slot + 1 === this.most ? 0 : slot + 1;
    if (this.count === this.most) this.forget(slot);
    else this.count++;
    id.copy(this.ids, slot * idBytes, 0, idBytes);
    this.streamNumbers[slot] = streamNumber;
    this.revisions[slot] = revision;
    const bucket = this.bucketOf(id, 0);
    this.after[slot] = this.buckets[bucket] ?? none;
    this.buckets[bucket] = slot;
  }

  private forget(slot: number): void {
    const bucket = this.bucketOf(this.ids, slot * idBytes);
    const after = this.after[slot] ?? none;
    let before = this.buckets[bucket] ?? none;
    if (before === slot) this.buckets[bucket] = after;
    while (before !== none && before !== slot) {
      const following = this.after[before] ?? none;
      if (following === slot) this.after[before] = after;
      before = following;
    }
  }

  private bucketOf(bytes: Buffer, at: number): number {
    let hash = 0;
    for (let word = 0; word < idBytes; word += 4)
      hash = Math.imul(hash ^ bytes.readInt32LE(at + word) ^ this.secret.readInt32LE(word), 0x9e3779b1) ^ (hash >>> 15);
    return (hash ^ (hash >>> 13)) & (this.buckets.length - 1);
  }
}
