import { Problem } from '@recourse/nest';

const maxUploads = 16;
const maxUploadsEach = 2;

/** Uploads take their time, so that only so many are under way at once, and of one person no more than a few. */
export class UploadSlots {
  private readonly taken = new Map<string, number>();

  /** @returns gives the slot back @throws Problem 503 */
  take(subject: string): () => void {
    const own = this.taken.get(subject) ?? 0;
    const all = [...this.taken.values()].reduce((sum, count) => sum + count, 0);
    if (own >= maxUploadsEach || all >= maxUploads)
      throw new Problem(
        503,
        'uploads-busy',
        `${own >= maxUploadsEach ? 'your' : 'other'} uploads are under way; try again shortly`,
        {
          headers: { 'Retry-After': '5', Connection: 'close' },
        },
      );
    this.taken.set(subject, own + 1);
    return () => {
      const left = (this.taken.get(subject) ?? 1) - 1;
      if (left === 0) this.taken.delete(subject);
      else this.taken.set(subject, left);
    };
  }
}
