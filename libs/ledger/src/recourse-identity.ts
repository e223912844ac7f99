import type { EventOf, Recorded } from '@recourse/eventing';
import { equals, type Money } from '@recourse/money';
import { formatAccount } from './accounts.js';
import { addsUp, handle, reporter, text, type Check, type Handlers, type Ledger, type Violation } from './invariant.js';
import type { Books } from './journal.js';
import type { DomainEvent } from './posting.js';

type Approval = Recorded<EventOf<DomainEvent, 'RefundApproved'>>;
type Reservation = Recorded<EventOf<DomainEvent, 'FundsReserved'>>;
type Debit = Recorded<EventOf<DomainEvent, 'DepositDebited' | 'PayableDebited'>>;
type WriteOff = Recorded<EventOf<DomainEvent, 'RecourseWrittenOff'>>;
type Reinstatement = Recorded<EventOf<DomainEvent, 'RecourseReinstated'>>;
type Reimbursement = Recorded<EventOf<DomainEvent, 'FundReimbursed'>>;

/** What an approved refund wants of the fund. */
type Wanted = Pick<Reservation['data'], 'fromFund' | 'fromFees' | 'merchantShare'>;

/** A merchant's part of a refund that the fund paid; amounts in minor units of `asset`. */
interface Obligation {
  readonly asset: string;
  readonly recourseAccount: string;
  obligationId?: string;
  refundPaid: boolean;
  outstanding: bigint;
  /** Recovered and not yet reimbursed to the fund. */
  recovered: bigint;
  writtenOff: bigint;
  /** Where a part was taken up again that the debits of the same append have not recovered yet. */
  reinstatedAt?: bigint;
}

/** Sums over the refunds of one merchant, or of one platform's fund, in one asset. */
interface Standing {
  reserved: bigint;
  recovered: bigint;
  borne: bigint;
  reimbursed: bigint;
  writtenOff: bigint;
  /** How far the identity is off; each event that changes it is named once. */
  gap: bigint;
}

const violation = reporter('I6');
const nothing = (): Standing => ({ reserved: 0n, recovered: 0n, borne: 0n, reimbursed: 0n, writtenOff: 0n, gap: 0n });
const recourseOf = ({ platform, merchant: owner }: { readonly platform: string; readonly merchant: string }) =>
  formatAccount({ platform, kind: 'recourse', owner });
const advancedOf = ({ platform }: { readonly platform: string }) => formatAccount({ platform, kind: 'advanced' });

/**
 * I6: reserved = recovered + outstanding + written off + platform-borne, per refund, per merchant and in total, where
 * outstanding is merchant:{m}:recourse and fund:advanced = outstanding + recovered and not yet reimbursed. Recourse follows
 * payment, two people write off, and what is reinstated is recovered at once. Keeps one entry per refund that waits for the
 * fund or is not yet recovered, one per merchant and one per fund.
 */
export class RecourseIdentity implements Check {
  readonly invariant = 'I6';
  readonly #wanted = new Map<string, Wanted>();
  readonly #obligations = new Map<string, Obligation>();
  readonly #standings = new Map<string, Standing>();
  readonly #on: Handlers = {
    RefundApproved: (event) => this.#approve(event),
    FundsReserved: (event, { books }) => [...this.#reserve(event), ...this.#balanced(event, event.data.fromFund.asset, books)],
    ObligationOpened: ({ position, data: { refundId, obligationId, amount } }) => {
      const obligation = this.#obligations.get(refundId);
      if (obligation !== undefined) obligation.obligationId = obligationId;
      const share = { asset: obligation?.asset ?? amount.asset, minor: obligation?.outstanding ?? 0n };
      return equals(amount, share)
        ? []
        : [violation(position, refundId, `obligation of ${text(amount)}`, `${text(share)}, the share reserved`)];
    },
    PayoutSucceeded: ({ data: { purpose } }) => {
      const obligation = purpose.kind === 'refund' ? this.#obligations.get(purpose.refundId) : undefined;
      if (obligation !== undefined) obligation.refundPaid = true;
      return [];
    },
    // In our place: it counts as paid once nothing of it is left to pay.
    RefundedOutside: ({ data: { purpose, fromRefund, stillDue } }) => {
      const obligation = this.#obligations.get(purpose.refundId);
      if (obligation !== undefined && fromRefund.minor > 0n && stillDue.minor === 0n) obligation.refundPaid = true;
      return [];
    },
    DepositDebited: (event, { books }) => [
      ...(addsUp(event.data.amount, [event.data.fromHeld, event.data.fromDeposit])
        ? []
        : [violation(event.position, event.data.refundId, `debited ${text(event.data.amount)}`, 'held and deposit together')]),
      ...this.#recover(event, books),
    ],
    PayableDebited: (event, { books }) => this.#recover(event, books),
    RecourseWrittenOff: (event, { books }) => [
      ...this.#writeOff(event),
      ...this.#balanced(event, event.data.amount.asset, books),
    ],
    RecourseReinstated: (event, { books }) => [
      ...this.#reinstate(event),
      ...this.#balanced(event, event.data.amount.asset, books),
    ],
    FundReimbursed: (event, { books }) => [...this.#reimburse(event), ...this.#balanced(event, event.data.amount.asset, books)],
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    return handle(this.#on, event, ledger);
  }

  finish(): readonly Violation[] {
    return [...this.#obligations].flatMap(([refundId, { asset, outstanding: minor, reinstatedAt }]) =>
      reinstatedAt === undefined || minor === 0n
        ? []
        : [
            violation(
              reinstatedAt,
              refundId,
              `reinstated and outstanding ${text({ asset, minor })}`,
              'recovered in the same append',
            ),
          ],
    );
  }

  #approve({ data: { refundId, lines, total } }: Approval): readonly Violation[] {
    const fund = lines.filter(({ source }) => source === 'fund');
    if (fund.length === 0) return [];
    const sum = (part: keyof Wanted) => ({
      asset: total.asset,
      minor: fund.reduce((minor, line) => minor + line[part].minor, 0n),
    });
    this.#wanted.set(refundId, { fromFund: sum('fromFund'), fromFees: sum('fromFees'), merchantShare: sum('merchantShare') });
    return [];
  }

  #reserve({ position, data }: Reservation): readonly Violation[] {
    const { refundId, amount, fromFund, fromFees, merchantShare } = data;
    const { asset } = fromFund;
    const wanted = this.#wanted.get(refundId);
    this.#wanted.delete(refundId);
    if (merchantShare.minor > 0n) {
      const obligation = {
        asset,
        recourseAccount: recourseOf(data),
        refundPaid: false,
        outstanding: merchantShare.minor,
        recovered: 0n,
        writtenOff: 0n,
      };
      this.#obligations.set(refundId, obligation);
    }
    for (const standing of this.#both(data, asset)) {
      standing.reserved += fromFund.minor;
      standing.borne += fromFund.minor - merchantShare.minor;
    }
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    if (wanted === undefined) return [wrong(`reserved ${text(amount)}`, 'an approved refund that waits for the fund')];
    const found = (['fromFund', 'fromFees', 'merchantShare'] as const)
      .filter((part) => !equals(data[part], wanted[part]))
      .map((part) => wrong(`${part} ${text(data[part])}`, `${text(wanted[part])}, as approved`));
    if (!addsUp(amount, [fromFund, fromFees])) found.push(wrong(`reserved ${text(amount)}`, 'fromFund and fromFees together'));
    if (merchantShare.minor > fromFund.minor)
      found.push(wrong(`merchant share ${text(merchantShare)}`, `at most ${text(fromFund)}, what the fund pays`));
    return found;
  }

  #recover(event: Debit, books: Books): readonly Violation[] {
    const { position, data } = event;
    const { refundId, obligationId, amount, outstanding } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    for (const standing of this.#both(data, amount.asset)) standing.recovered += amount.minor;
    const balanced = this.#balanced(event, amount.asset, books);

    const obligation = this.#obligations.get(refundId);
    if (obligation?.asset !== amount.asset || obligation.recourseAccount !== recourseOf(data))
      return [
        wrong(`debited ${text(amount)} from ${data.merchant}`, 'an obligation of this merchant in this asset'),
        ...balanced,
      ];
    const before = { asset: obligation.asset, minor: obligation.outstanding };
    const after = { asset: obligation.asset, minor: obligation.outstanding - amount.minor };
    obligation.outstanding = after.minor;
    obligation.recovered += amount.minor;
    const found: Violation[] = [];
    if (after.minor < 0n) found.push(wrong(`debited ${text(amount)}`, `at most ${text(before)}, outstanding`));
    else if (!equals(outstanding, after)) found.push(wrong(`outstanding ${text(outstanding)}`, text(after)));
    if (!obligation.refundPaid) found.push(wrong(`debited ${text(amount)}`, 'the refund to be paid first'));
    if (obligation.obligationId !== obligationId)
      found.push(wrong(`debited for obligation ${obligationId}`, obligation.obligationId ?? 'an obligation opened before'));
    return [...found, ...balanced];
  }

  #writeOff({ position, data }: WriteOff): readonly Violation[] {
    const { refundId, amount, proposedBy, approvedBy } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    for (const standing of this.#both(data, amount.asset)) standing.writtenOff += amount.minor;
    const obligation = this.#obligations.get(refundId);
    if (obligation?.asset !== amount.asset || obligation.recourseAccount !== recourseOf(data))
      return [wrong(`written off ${text(amount)} of ${data.merchant}`, 'an obligation of this merchant in this asset')];
    const before = { asset: obligation.asset, minor: obligation.outstanding };
    obligation.outstanding -= amount.minor;
    obligation.writtenOff += amount.minor;
    const found: Violation[] = [];
    if (!equals(amount, before)) found.push(wrong(`written off ${text(amount)}`, `${text(before)}, outstanding`));
    if (!obligation.refundPaid) found.push(wrong(`written off ${text(amount)}`, 'the refund to be paid first'));
    if (proposedBy === approvedBy) found.push(wrong(`written off by ${approvedBy} alone`, 'two people'));
    return found;
  }

  #reinstate({ position, data }: Reinstatement): readonly Violation[] {
    const { refundId, amount, writtenOff } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    for (const standing of this.#both(data, amount.asset)) standing.writtenOff -= amount.minor;
    const obligation = this.#obligations.get(refundId);
    const before = { asset: obligation?.asset ?? amount.asset, minor: obligation?.writtenOff ?? 0n };
    const after = { asset: before.asset, minor: before.minor - amount.minor };
    if (obligation !== undefined) {
      obligation.outstanding += amount.minor;
      obligation.writtenOff = after.minor;
      obligation.reinstatedAt = position;
    }
    if (amount.asset !== before.asset || after.minor < 0n)
      return [wrong(`reinstated ${text(amount)}`, `at most ${text(before)}, written off`)];
    return equals(writtenOff, after) ? [] : [wrong(`still written off ${text(writtenOff)}`, text(after))];
  }

  #reimburse({ position, data: { platform, merchant, refundId, amount } }: Reimbursement): readonly Violation[] {
    for (const standing of this.#both({ platform, merchant }, amount.asset)) standing.reimbursed += amount.minor;
    const obligation = this.#obligations.get(refundId);
    const recovered: Money = { asset: obligation?.asset ?? amount.asset, minor: obligation?.recovered ?? 0n };
    if (obligation !== undefined) {
      obligation.recovered -= amount.minor;
      const isOver = obligation.outstanding <= 0n && obligation.recovered <= 0n && obligation.writtenOff <= 0n;
      if (isOver) this.#obligations.delete(refundId);
    }
    if (amount.asset === recovered.asset && amount.minor <= recovered.minor) return [];
    return [violation(position, refundId, `reimbursed ${text(amount)}`, `at most ${text(recovered)}, recovered`)];
  }

  #both(of: { readonly platform: string; readonly merchant: string }, asset: string): Standing[] {
    return [this.#standing(recourseOf(of), asset), this.#standing(advancedOf(of), asset)];
  }

  #standing(account: string, asset: string): Standing {
    const key = `${account} ${asset}`;
    const standing = this.#standings.get(key) ?? nothing();
    this.#standings.set(key, standing);
    return standing;
  }

  /** The sums of the refunds against what the books say is outstanding and advanced. */
  #balanced(
    { position, data }: Reservation | Debit | WriteOff | Reinstatement | Reimbursement,
    asset: string,
    books: Books,
  ): readonly Violation[] {
    const merchant = this.#standing(recourseOf(data), asset);
    const fund = this.#standing(advancedOf(data), asset);
    const outstanding = merchant.reserved - merchant.borne - merchant.recovered - merchant.writtenOff;
    const advanced = fund.reserved - fund.borne - fund.reimbursed - fund.writtenOff;
    return [
      ...this.#gap(position, recourseOf(data), asset, merchant, outstanding, books),
      ...this.#gap(position, advancedOf(data), asset, fund, advanced, books),
    ];
  }

  #gap(position: bigint, account: string, asset: string, standing: Standing, minor: bigint, books: Books): readonly Violation[] {
    const balance = books.balance(account, asset);
    const gap = balance.minor - minor;
    if (gap === standing.gap) return [];
    standing.gap = gap;
    return gap === 0n ? [] : [violation(position, account, text(balance), `${text({ asset, minor })}, what its refunds leave`)];
  }
}
