import { createHash } from 'node:crypto';
import { canonicalJson } from '@recourse/disputes';

/** A line of the timeline; its hash covers all of it and, through `previous`, every line before. S76 */
export type Chained<Entry extends object> = Entry & { readonly previous: string; readonly hash: string };

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Hash of what the first line follows: two packs have no line in common by chance. */
export const chainStart = (disputeId: string, view: string): string => sha256(canonicalJson({ disputeId, view }));

/** SHA-256 of the line's canonical JSON with `previous` and without `hash`. */
const hashOf = (entry: object): string => sha256(canonicalJson({ ...entry, hash: undefined }));

export function chained<Entry extends object>(start: string, entries: readonly Entry[]): readonly Chained<Entry>[] {
  let previous = start;
  return entries.map((entry) => {
    const linked = { ...entry, previous };
    previous = hashOf(linked);
    return { ...linked, hash: previous };
  });
}

/** Numbers, from 1, of the lines that do not follow from what is before them. */
export function brokenLinks(start: string, entries: readonly Chained<object>[]): readonly number[] {
  return entries.flatMap((entry, index) => {
    const before = index === 0 ? start : entries[index - 1]?.hash;
    return entry.previous === before && entry.hash === hashOf(entry) ? [] : [index + 1];
  });
}
