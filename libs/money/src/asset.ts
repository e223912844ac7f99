import { MoneyError } from './error.js';

/** Decimals between the major and the minor unit (ISO 4217). Money in any asset that is not listed is refused. */
export const assets = {
  CNY: { scale: 2 },
  USD: { scale: 2 },
  JPY: { scale: 0 },
  KWD: { scale: 3 },
} as const satisfies Record<string, { scale: number }>;

export type Asset = keyof typeof assets;

export function isAsset(code: string): code is Asset {
  return Object.hasOwn(assets, code);
}

/** Decimals of the asset. Throws `MoneyError` UnknownAsset. */
export function scaleOf(code: string): number {
  if (!isAsset(code)) throw new MoneyError('UnknownAsset', `unknown asset ${JSON.stringify(code.slice(0, 16))}`);
  return assets[code].scale;
}
