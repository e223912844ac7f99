export { allocate, share } from './allocation.js';
export { type Asset, assets, isAsset, scaleOf } from './asset.js';
export { MoneyError, type MoneyErrorCode } from './error.js';
export { fromJson, type MoneyJson, toJson } from './json.js';
export {
  add,
  compare,
  equals,
  isNegative,
  isPositive,
  isZero,
  max,
  maxMinor,
  min,
  money,
  type Money,
  negate,
  sameAsset,
  subtract,
  sum,
  zero,
} from './money.js';
export { format, parse } from './text.js';
