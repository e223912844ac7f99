import { isZero, type Money, negate, sameAsset, subtract, zero, isNegative, equals } from '@recourse/money';
import type { RailWord } from './rail-word.js';
import type { BillLineKind, DifferenceLine } from './reconciliation.js';

/** A line of a rail's bill: whatever changed our account there. */
export interface BilledLine {
  readonly lineId: string;
  readonly kind: BillLineKind;
  /** Less than nothing for what went out. */
  readonly amount: Money;
  /** Our key, of transfers, their fees and what came back of them. */
  readonly key?: string;
  /** What the rail calls the payment or transfer; of a refund, the payment that it gives back. */
  readonly reference?: string;
  readonly at: string;
}
/** What our books have of a payment to us. */
export interface BookedReceipt {
  readonly platform: string;
  readonly amount: Money;
  readonly orderId?: string;
}
/** What our books have of a transfer. */
export interface BookedTransfer {
  readonly platform: string;
  readonly payoutId: string;
  readonly transferNo: number;
  readonly amount: Money;
  readonly status: 'live' | 'paid' | 'failed' | 'back';
  readonly railTransferId?: string;
  readonly fee?: Money;
}
export interface Booked {
  /** By the rail's transaction. */
  readonly receipts: ReadonlyMap<string, BookedReceipt>;
  /** By our key. */
  readonly transfers: ReadonlyMap<string, BookedTransfer>;
}

export interface BillComparison {
  /** What a line says of a transfer that our books have not heard yet: the rail's definite word, and no difference. */
  readonly words: readonly {
    readonly lineId: string;
    readonly payoutId: string;
    readonly transferNo: number;
    readonly word: RailWord;
  }[];
  /** What the books do not have, or with another amount: of this platform, or of nobody we know. */
  readonly differences: readonly DifferenceLine[];
  /** Lines on which the books agree, or will when they have heard the words. */
  readonly agreed: readonly string[];
  /** Lines of other platforms of this installation, for them to look at. */
  readonly elsewhere: number;
}

/** Compares a page of a rail's bill with what our books say of the payments and transfers that it names. */
export function compareBill(platform: string, lines: readonly BilledLine[], booked: Booked): BillComparison {
  const words: BillComparison['words'][number][] = [];
  const differences: DifferenceLine[] = [];
  const agreed: string[] = [];
  let elsewhere = 0;
  for (const line of lines) {
    const receipt = line.reference === undefined ? undefined : booked.receipts.get(line.reference);
    const transfer = line.key === undefined ? undefined : booked.transfers.get(line.key);
    const owner = (transfer ?? receipt)?.platform;
    if (owner !== undefined && owner !== platform) {
      elsewhere += 1;
      continue;
    }
    const word = transfer && wordOf(line, transfer);
    if (transfer && word) words.push({ lineId: line.lineId, payoutId: transfer.payoutId, transferNo: transfer.transferNo, word });
    const missing = word === undefined ? missingOf(line, ourAmount(line, receipt, transfer)) : zero(line.amount.asset);
    if (isZero(missing)) agreed.push(line.lineId);
    else differences.push(differenceOf(line, missing, receipt));
  }
  return { words, differences, agreed, elsewhere };
}

/** News of a transfer that fits what we know of it; a bill is as definite as an answer. */
function wordOf({ kind, amount, reference }: BilledLine, transfer: BookedTransfer): RailWord | undefined {
  const { status, railTransferId: known } = transfer;
  const railTransferId = reference ?? known;
  if (railTransferId === undefined || (known !== undefined && known !== railTransferId) || status === 'failed') return undefined;
  switch (kind) {
    case 'transfer':
      return status === 'live' && equals(amount, negate(transfer.amount)) ? { state: 'Succeeded', railTransferId } : undefined;
    case 'reversal':
      return status !== 'back' && equals(amount, transfer.amount)
        ? { state: 'Reversed', railTransferId, code: 'REVERSED' }
        : undefined;
    case 'fee':
      return transfer.fee === undefined && isNegative(amount)
        ? { state: 'Succeeded', railTransferId, fee: negate(amount) }
        : undefined;
    case 'capture':
    case 'refund':
    case 'other':
      return undefined;
  }
}

/** Signed as the bill is; undefined for what our books do not have at all. */
function ourAmount(
  { kind }: BilledLine,
  receipt: BookedReceipt | undefined,
  transfer: BookedTransfer | undefined,
): Money | undefined {
  switch (kind) {
    case 'capture':
      return receipt?.amount;
    case 'transfer':
      return transfer?.status === 'paid' || transfer?.status === 'back' ? negate(transfer.amount) : undefined;
    case 'reversal':
      return transfer?.status === 'back' ? transfer.amount : undefined;
    case 'fee':
      return transfer?.fee && negate(transfer.fee);
    case 'refund':
    case 'other':
      return undefined;
  }
}

const missingOf = ({ amount }: BilledLine, ours: Money | undefined): Money =>
  ours !== undefined && sameAsset(amount, ours) ? subtract(amount, ours) : amount;

const differenceOf = (
  { lineId, kind, key, reference, at }: BilledLine,
  missing: Money,
  receipt: BookedReceipt | undefined,
): DifferenceLine => ({
  lineId,
  kind,
  direction: isNegative(missing) ? 'out' : 'in',
  amount: isNegative(missing) ? negate(missing) : missing,
  ...(key === undefined ? {} : { key }),
  ...(reference === undefined ? {} : { reference }),
  ...(receipt?.orderId === undefined ? {} : { orderId: receipt.orderId }),
  occurredAt: at,
});
