const shownCharacters = 4;
const minCharacters = 9;

/**
 * A card key as people may see it: `****WXYZ`. The last 4 letters or digits, none if the key has fewer than 9;
 * how long the key is does not show.
 */
export function maskKey(key: string): string {
  const significant = key.match(/[\p{L}\p{N}]/gu) ?? [];
  return `****${significant.length < minCharacters ? '' : significant.slice(-shownCharacters).join('')}`;
}
