import type { AfterSalePromise, ProductKind, PromiseMinimums } from './order.js';

/** Longest after-sale and delivery promise: a year. */
export const maxPromiseHours = 8_760;

export type PromiseFindingCode =
  'after-sale-vague' | 'delivery-vague' | 'reissue-unsaid' | 'seven-day-unsaid' | 'seven-day-on-top-up' | BelowMinimum;
type BelowMinimum = 'after-sale-too-short' | 'delivery-too-slow';

/** What is wrong with an offer's promise: it is vague, cannot be kept, or is less than the policy publishes. */
export interface PromiseFinding {
  readonly code: PromiseFindingCode;
  readonly message: { readonly zh: string; readonly en: string };
  readonly basis: readonly string[];
}

const isHours = (hours: unknown): boolean =>
  Number.isInteger(hours) && (hours as number) >= 1 && (hours as number) <= maxPromiseHours;
const finding = (code: PromiseFindingCode, zh: string, en: string, ...basis: string[]): PromiseFinding => ({
  code,
  message: { zh, en },
  basis,
});
const wholeHours = {
  zh: `以整小时计，1 至 ${maxPromiseHours}`,
  en: `in whole hours from 1 to ${maxPromiseHours}`,
};

/**
 * Whether an offer says plainly what it promises after the sale, as strictly as an order does; what a member that is missing
 * would mean is never guessed. Vague promises come before those below the minimums.
 */
export function lintPromise(
  promise: { readonly [Member in keyof AfterSalePromise]?: unknown },
  { productKind, minimums }: { readonly productKind?: ProductKind; readonly minimums?: PromiseMinimums } = {},
): readonly PromiseFinding[] {
  const { afterSaleHours, deliverWithinHours, reissue, sevenDay } = promise;
  const found: PromiseFinding[] = [];
  if (!isHours(afterSaleHours))
    found.push(
      finding(
        'after-sale-vague',
        `没有写明售后期（${wholeHours.zh}）`,
        `the after-sale window is promised ${wholeHours.en}`,
        'S25',
      ),
    );
  if (!isHours(deliverWithinHours))
    found.push(
      finding('delivery-vague', `没有写明发货时限（${wholeHours.zh}）`, `delivery is promised ${wholeHours.en}`, 'S25', 'K13'),
    );
  if (typeof reissue !== 'boolean')
    found.push(finding('reissue-unsaid', '没有写明失效卡密是否补发', 'say whether a dead key is reissued', 'S25', 'S29'));
  if (typeof sevenDay !== 'boolean')
    found.push(
      finding(
        'seven-day-unsaid',
        '没有写明是否七天无理由退款',
        'say whether there is a seven-day no-reason refund',
        'S25',
        'S31',
      ),
    );
  if (sevenDay === true && productKind === 'phone-top-up')
    found.push(
      finding(
        'seven-day-on-top-up',
        '话费到账即已消耗，不能承诺七天无理由退款',
        'a top-up is consumed when it is credited, so a seven-day refund cannot be promised for it',
        'S06',
        'K10',
      ),
    );
  if (minimums && isHours(afterSaleHours) && (afterSaleHours as number) < minimums.afterSaleHours)
    found.push(
      finding(
        'after-sale-too-short',
        `售后期短于平台公布的最低 ${minimums.afterSaleHours} 小时`,
        `the after-sale window is shorter than the ${minimums.afterSaleHours} hours that the policy publishes as the minimum`,
        'S26',
        'S82',
      ),
    );
  if (minimums && isHours(deliverWithinHours) && (deliverWithinHours as number) > minimums.deliverWithinHours)
    found.push(
      finding(
        'delivery-too-slow',
        `发货时限长于平台公布的最长 ${minimums.deliverWithinHours} 小时`,
        `delivery is promised later than the ${minimums.deliverWithinHours} hours that the policy publishes as the longest`,
        'K13',
        'S82',
      ),
    );
  return found;
}

export const isBelowMinimum = ({ code }: PromiseFinding): boolean =>
  code === 'after-sale-too-short' || code === 'delivery-too-slow';
