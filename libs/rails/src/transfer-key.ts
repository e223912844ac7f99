import { createHash } from 'node:crypto';

const keyShape = /^[0-9a-f]{32}$/;

/**
 * The rail key of a payout's n-th transfer, fixed for life: it fits WeChat's out_bill_no and Alipay's out_biz_no.
 * Never derived from a clock or a count of sends. Throws RangeError.
 */
export function transferKey(payoutId: string, transferNo: number): string {
  if (payoutId === '') throw new RangeError('a payout id is not empty');
  if (!Number.isSafeInteger(transferNo) || transferNo < 0) throw new RangeError(`not a transfer number: ${transferNo}`);
  return createHash('sha256')
    .update(JSON.stringify([payoutId, transferNo]))
    .digest('hex')
    .slice(0, 32);
}

export function isTransferKey(key: string): boolean {
  return keyShape.test(key);
}
