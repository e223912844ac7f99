import { isAsset, money, type Money, scaleOf } from '@recourse/money';

/** In minor units, by `{platform}/{asset}`, or `{asset}` for every platform that has none of its own. */
export type ApprovalLimits = ReadonlyMap<string, bigint>;

/** In major units, of an asset that no limit was named for. */
export const defaultApprovalLimit = 10_000n;

const entryShape = /^(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\/)?([A-Z]{3})=(0|[1-9][0-9]{0,17})$/;

/** Reads `CNY=1000000,demo/CNY=500000`. @returns undefined for anything that is not such a list */
export function readApprovalLimits(text: string): ApprovalLimits | undefined {
  const limits = new Map<string, bigint>();
  for (const entry of text === '' ? [] : text.split(',')) {
    const [, asset, minor] = entryShape.exec(entry.trim()) ?? [];
    if (asset === undefined || minor === undefined || !isAsset(asset)) return undefined;
    const place = entry.trim().slice(0, -minor.length - 1);
    if (limits.has(place)) return undefined;
    limits.set(place, BigInt(minor));
  }
  return limits;
}

/** The most that is paid in an asset without a second person. @throws MoneyError UnknownAsset */
export function approvalLimitOf(limits: ApprovalLimits, platform: string, asset: string): Money {
  const minor = limits.get(`${platform}/${asset}`) ?? limits.get(asset);
  return money(minor ?? defaultApprovalLimit * 10n ** BigInt(scaleOf(asset)), asset);
}
