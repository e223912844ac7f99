export type MoneyErrorCode = 'UnknownAsset' | 'AssetMismatch' | 'Malformed' | 'OutOfRange' | 'InvalidWeights' | 'InvalidRatio';

/** Bad input, or a bug that would have mixed or lost money. */
export class MoneyError extends Error {
  override readonly name = 'MoneyError';
  constructor(
    readonly code: MoneyErrorCode,
    message: string,
  ) {
    super(message);
  }
}
