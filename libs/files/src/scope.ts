/** Whose a file is: what is the same on the two sides of a case is erased for each by itself. */
export interface Side {
  readonly disputeId: string;
  readonly by: 'buyer' | 'merchant';
}

export const scopeOf = ({ disputeId, by }: Side): string => `${disputeId}/${by}`;

/** @throws Error for what `scopeOf` has not made */
export function sideOf(scope: string): Side {
  const [disputeId = '', by, ...more] = scope.split('/');
  if (disputeId === '' || (by !== 'buyer' && by !== 'merchant') || more.length > 0)
    throw new Error(`${scope} is no side of a case`);
  return { disputeId, by };
}
