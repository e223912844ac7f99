/** The newest event ids and where each was stored; the oldest is forgotten when there are too many. */
export class RecentIds<Place> {
  private readonly places = new Map<string, { place: Place; slot: number }>();
  /** The ids in the order they came, around a ring: a Map that loses its first entry again and again gets slow. */
  private readonly ring: (string | undefined)[];
  private next = 0;

  constructor(private readonly most: number) {
    this.ring = new Array<string | undefined>(most);
  }

  get(id: string): Place | undefined {
    return this.places.get(id)?.place;
  }

  remember(id: string, place: Place): void {
    const slot = this.next;
    this.next = slot + 1 === this.most ? 0 : slot + 1;
    const oldest = this.ring[slot];
    // An id that came again has a newer slot, and stays.
    if (oldest !== undefined && this.places.get(oldest)?.slot === slot) this.places.delete(oldest);
    this.ring[slot] = id;
    this.places.set(id, { place, slot });
  }
}
