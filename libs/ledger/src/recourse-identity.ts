import type { EventOf, Recorded } from '@recourse/eventing';
import { equals, type Money } from '@recourse/money';
import { FundStandings, type MerchantOf, recourseOf } from './fund-standings.js';
import { addsUp, handle, reporter, text, type Check, type Handlers, type Ledger, type Violation } from './invariant.js';
import type { Books } from './journal.js';
import type { DomainEvent } from './posting.js';

type Of<Type extends DomainEvent['type']> = Recorded<EventOf<DomainEvent, Type>>;

/** What an approved refund wants of the fund. */
type Wanted = Pick<Of<'FundsReserved'>['data'], 'fromFund' | 'fromFees' | 'merchantShare'>;

/** What became of one refund; amounts in minor units of `asset`. */
interface Refund {
  readonly asset: string;
  readonly recourseAccount: string;
  readonly wanted: Wanted;
  /** Who gave what the refund wants of the fund. */
  fundedBy?: 'fund' | 'deposit';
  /** The merchant's part that the fund laid out; what of it is neither in the next four was forgiven or revoked. */
  share: bigint;
  outstanding: bigint;
  writtenOff: bigint;
  /** Recovered and not yet reimbursed to the fund. */
  recovered: bigint;
  /** From the merchant, as recourse or straight out of his deposit. */
  taken: bigint;
  forgiven: bigint;
  obligationId?: string;
  isPaid: boolean;
  /** By the order, before anybody was paid; `isGivenBack` by whoever funded it. */
  isRevoked: boolean;
  isGivenBack: boolean;
  isWithdrawn: boolean;
  overturned?: { recourse: bigint; escrowLoss: bigint; buyerOwes: bigint };
  /** The buyer's debt for fraud is on the books. */
  isFraud: boolean;
  claimed?: bigint;
  isCompensated: boolean;
  /** Came back when it was owed no more, and not yet the fund's again. */
  back: bigint;
  /** Where a part was taken up again that the same append has not recovered or forgiven yet. */
  reinstatedAt?: bigint;
}

const violation = reporter('I6');

/**
 * I6: reserved − revoked − returned = (recovered − compensated) + outstanding + written off + platform-borne (platform share net
 * of revoked + forgiven + compensated − returned), per refund, per merchant and in total, where outstanding is
 * merchant:{m}:recourse, fund:advanced = outstanding + recovered and not yet reimbursed + buyers' debts for fraud, and
 * fund:available what is left. Recourse follows payment, two people write off, what is reinstated is recovered or forgiven at
 * once, only what was revoked is given back, and a merchant whose verdict is overturned gets what he lost, once. Keeps one entry
 * per refund, since its verdict may be overturned at any time.
 */
export class RecourseIdentity implements Check {
  readonly invariant = 'I6';
  readonly #refunds = new Map<string, Refund>();
  readonly #standings = new FundStandings();
  readonly #on: Handlers = {
    RefundApproved: (event) => this.#approve(event),
    RefundRevoked: ({ data: { refundId } }) => this.#note(refundId, { isRevoked: true }),
    RefundOverturned: (event) => this.#overturn(event),
    PayoutSucceeded: ({ data: { purpose } }) => (purpose.kind === 'refund' ? this.#note(purpose.refundId, { isPaid: true }) : []),
    PayoutReturned: ({ data: { purpose, amount } }) =>
      purpose.kind === 'refund' ? this.#note(purpose.refundId, { isPaid: true, back: amount.minor }) : [],
    FundContributed: ({ position, data }, { books }) => {
      const fund = { platform: data.platform };
      this.#standings.add(fund, data.amount.asset, { contributed: data.amount.minor });
      return this.#standings.compare(position, fund, data.amount.asset, books);
    },

    FundsReserved: (event, { books }) => [...this.#reserve(event), ...this.#balanced(event, event.data.fromFund, books)],
    ReservationWithdrawn: ({ data: { refundId } }) => this.#note(refundId, { isWithdrawn: true }),
    ReservationRevoked: (event, { books }) => [...this.#revoke(event), ...this.#balanced(event, event.data.fromFund, books)],
    RefundFundedFromDeposit: (event) => this.#fundFromDeposit(event),
    DepositFundingRevoked: (event) => this.#revokeFunding(event),
    ObligationOpened: ({ position, data: { refundId, obligationId, amount } }) => {
      const refund = this.#refunds.get(refundId);
      if (refund !== undefined) refund.obligationId = obligationId;
      const share = { asset: refund?.asset ?? amount.asset, minor: refund?.share ?? 0n };
      return equals(amount, share)
        ? []
        : [violation(position, refundId, `obligation of ${text(amount)}`, `${text(share)}, the share reserved`)];
    },
    ObligationRevoked: ({ position, data: { refundId, amount } }) => {
      const refund = this.#refunds.get(refundId);
      const share = { asset: refund?.asset ?? amount.asset, minor: refund?.isGivenBack === true ? refund.share : 0n };
      return equals(amount, share)
        ? []
        : [violation(position, refundId, `obligation of ${text(amount)} revoked`, `${text(share)}, the share given back`)];
    },
    // In our place: it counts as paid once nothing of it is left to pay.
    RefundedOutside: ({ data: { purpose, fromRefund, stillDue } }) =>
      fromRefund.minor > 0n && stillDue.minor === 0n ? this.#note(purpose.refundId, { isPaid: true }) : [],
    DepositDebited: (event, { books }) => [
      ...(addsUp(event.data.amount, [event.data.fromHeld, event.data.fromDeposit])
        ? []
        : [violation(event.position, event.data.refundId, `debited ${text(event.data.amount)}`, 'held and deposit together')]),
      ...this.#recover(event, books),
    ],
    PayableDebited: (event, { books }) => this.#recover(event, books),
    RecourseWrittenOff: (event, { books }) => [...this.#writeOff(event), ...this.#balanced(event, event.data.amount, books)],
    RecourseReinstated: (event, { books }) => [...this.#reinstate(event), ...this.#balanced(event, event.data.amount, books)],
    RecourseForgiven: (event, { books }) => [...this.#forgive(event), ...this.#balanced(event, event.data.amount, books)],
    FundReimbursed: (event, { books }) => [...this.#reimburse(event), ...this.#balanced(event, event.data.amount, books)],

    CompensationClaimed: (event) => this.#claim(event),
    MerchantCompensated: (event, { books }) => [...this.#compensate(event), ...this.#balanced(event, event.data.amount, books)],
    RefundReturned: (event, { books }) => {
      this.#standings.add(event.data, event.data.amount.asset, { returned: event.data.amount.minor });
      return [...this.#comeBack(event), ...this.#balanced(event, event.data.amount, books)];
    },

    BuyerFraudEstablished: (event, { books }) => [...this.#owe(event), ...this.#balanced(event, event.data.amount, books)],
    FraudRepaid: (event, { books }) => {
      const { amount, rail } = event.data;
      this.#standings.add(event.data, amount.asset, { fraud: -amount.minor, fraudRepaid: amount.minor });
      // Without a rail the refund itself pays it, which came back.
      return [...(rail === undefined ? this.#comeBack(event) : []), ...this.#balanced(event, amount, books)];
    },
    BuyerDebtWrittenOff: (event, { books }) => {
      const { kind, amount } = event.data;
      if (kind !== 'fraud') return [];
      this.#standings.add(event.data, amount.asset, { fraud: -amount.minor });
      return this.#balanced(event, amount, books);
    },
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    return handle(this.#on, event, ledger);
  }

  finish(): readonly Violation[] {
    return [...this.#refunds].flatMap(([refundId, { asset, outstanding: minor, reinstatedAt }]) =>
      reinstatedAt === undefined || minor === 0n
        ? []
        : [
            violation(
              reinstatedAt,
              refundId,
              `reinstated and outstanding ${text({ asset, minor })}`,
              'recovered or forgiven in the same append',
            ),
          ],
    );
  }

  #note(refundId: string, change: Partial<Refund>): readonly Violation[] {
    const refund = this.#refunds.get(refundId);
    if (refund !== undefined) Object.assign(refund, change);
    return [];
  }

  #approve({ data }: Of<'RefundApproved'>): readonly Violation[] {
    const { refundId, lines, total } = data;
    const fund = lines.filter(({ source }) => source === 'fund');
    const sum = (part: keyof Wanted) => ({
      asset: total.asset,
      minor: fund.reduce((minor, line) => minor + line[part].minor, 0n),
    });
    this.#refunds.set(refundId, {
      asset: total.asset,
      recourseAccount: recourseOf(data),
      wanted: { fromFund: sum('fromFund'), fromFees: sum('fromFees'), merchantShare: sum('merchantShare') },
      share: 0n,
      outstanding: 0n,
      writtenOff: 0n,
      recovered: 0n,
      taken: 0n,
      forgiven: 0n,
      isPaid: false,
      isRevoked: false,
      isGivenBack: false,
      isWithdrawn: false,
      isCompensated: false,
      isFraud: false,
      back: 0n,
    });
    return [];
  }

  #overturn({ position, data: { refundId, recourse, escrowLoss, buyerOwes } }: Of<'RefundOverturned'>): readonly Violation[] {
    const refund = this.#refunds.get(refundId);
    if (refund !== undefined)
      refund.overturned = { recourse: recourse.minor, escrowLoss: escrowLoss.minor, buyerOwes: buyerOwes?.minor ?? 0n };
    const share = refund?.wanted.merchantShare ?? { asset: recourse.asset, minor: 0n };
    return recourse.asset === share.asset && recourse.minor <= share.minor
      ? []
      : [violation(position, refundId, `recourse of ${text(recourse)}`, `at most ${text(share)}, the share approved`)];
  }

  /** Waits for its funding, as far as this knows. */
  #waiting(refundId: string): Refund | undefined {
    const refund = this.#refunds.get(refundId);
    const wantsNothing =
      refund === undefined || addsUp({ asset: refund.asset, minor: 0n }, [refund.wanted.fromFund, refund.wanted.fromFees]);
    return wantsNothing || refund.fundedBy !== undefined ? undefined : refund;
  }

  #reserve({ position, data }: Of<'FundsReserved'>): readonly Violation[] {
    const { refundId, amount, fromFund, fromFees, merchantShare } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    this.#standings.add(data, fromFund.asset, {
      reserved: fromFund.minor,
      platformShare: fromFund.minor - merchantShare.minor,
    });
    const refund = this.#waiting(refundId);
    if (refund === undefined || refund.isWithdrawn)
      return [wrong(`reserved ${text(amount)}`, 'an approved refund that waits for the fund')];
    Object.assign(refund, { fundedBy: 'fund', share: merchantShare.minor, outstanding: merchantShare.minor });
    const found = (['fromFund', 'fromFees', 'merchantShare'] as const)
      .filter((part) => !equals(data[part], refund.wanted[part]))
      .map((part) => wrong(`${part} ${text(data[part])}`, `${text(refund.wanted[part])}, as approved`));
    if (!addsUp(amount, [fromFund, fromFees])) found.push(wrong(`reserved ${text(amount)}`, 'fromFund and fromFees together'));
    if (merchantShare.minor > fromFund.minor)
      found.push(wrong(`merchant share ${text(merchantShare)}`, `at most ${text(fromFund)}, what the fund pays`));
    return found;
  }

  #revoke({ position, data }: Of<'ReservationRevoked'>): readonly Violation[] {
    const { refundId, fromFund, merchantShare } = data;
    this.#standings.add(data, fromFund.asset, { revoked: fromFund.minor, revokedShare: merchantShare.minor });
    const refund = this.#refunds.get(refundId);
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    const fault = faultInGivingBack(refund, 'fund');
    if (refund === undefined || fault !== undefined) return [wrong(`gave back ${text(fromFund)}`, fault ?? 'a refund')];
    refund.isGivenBack = true;
    refund.outstanding -= merchantShare.minor;
    const found = (['fromFund', 'fromFees', 'merchantShare'] as const)
      .filter((part) => !equals(data[part], refund.wanted[part]))
      .map((part) => wrong(`${part} ${text(data[part])} given back`, `${text(refund.wanted[part])}, as reserved`));
    if (refund.taken > 0n) found.push(wrong(`gave back ${text(fromFund)}`, 'nothing to be recovered of it before'));
    return found;
  }

  /** The merchant paid his whole part himself: nothing of it is reserved, and nothing is left to recover. */
  #fundFromDeposit({ position, data }: Of<'RefundFundedFromDeposit'>): readonly Violation[] {
    const { refundId, fromHeld, fromDeposit, fromFees, amount } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    const refund = this.#waiting(refundId);
    if (refund === undefined)
      return [wrong(`funded ${text(amount)} from the deposit`, 'an approved refund that waits for the fund')];
    Object.assign(refund, { fundedBy: 'deposit', taken: fromHeld.minor + fromDeposit.minor });
    const { wanted } = refund;
    const found = addsUp(wanted.merchantShare, [fromHeld, fromDeposit])
      ? []
      : [wrong(`funded ${text(fromHeld)} and ${text(fromDeposit)}`, `${text(wanted.merchantShare)}, the share of the merchant`)];
    if (!equals(wanted.merchantShare, wanted.fromFund))
      found.push(wrong(`share ${text(wanted.merchantShare)}`, `${text(wanted.fromFund)}, all that the fund was to pay`));
    if (!addsUp(amount, [fromHeld, fromDeposit, wanted.fromFees]) || !equals(fromFees, wanted.fromFees))
      found.push(wrong(`funded ${text(amount)}`, `the share and ${text(wanted.fromFees)} of fees together`));
    return found;
  }

  #revokeFunding({ position, data: { refundId, toDeposit, toFees } }: Of<'DepositFundingRevoked'>): readonly Violation[] {
    const refund = this.#refunds.get(refundId);
    const wrong = (expected: string) => [
      violation(position, refundId, `gave back ${text(toDeposit)} and ${text(toFees)}`, expected),
    ];
    const fault = faultInGivingBack(refund, 'deposit');
    if (refund === undefined || fault !== undefined) return wrong(fault ?? 'a refund');
    const { merchantShare, fromFees } = refund.wanted;
    Object.assign(refund, { isGivenBack: true, taken: 0n });
    return equals(toDeposit, merchantShare) && equals(toFees, fromFees)
      ? []
      : wrong(`${text(merchantShare)} and ${text(fromFees)}, as funded`);
  }

  #recover(event: Of<'DepositDebited' | 'PayableDebited'>, books: Books): readonly Violation[] {
    const { position, data } = event;
    const { refundId, obligationId, amount, outstanding } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    this.#standings.add(data, amount.asset, { recovered: amount.minor });
    const balanced = this.#balanced(event, amount, books);

    const refund = this.#owed(data, amount);
    if (refund === undefined)
      return [
        wrong(`debited ${text(amount)} from ${data.merchant}`, 'an obligation of this merchant in this asset'),
        ...balanced,
      ];
    const before = { asset: refund.asset, minor: refund.outstanding };
    const after = { asset: refund.asset, minor: refund.outstanding - amount.minor };
    refund.outstanding = after.minor;
    refund.recovered += amount.minor;
    refund.taken += amount.minor;
    const found: Violation[] = [];
    if (after.minor < 0n) found.push(wrong(`debited ${text(amount)}`, `at most ${text(before)}, outstanding`));
    else if (!equals(outstanding, after)) found.push(wrong(`outstanding ${text(outstanding)}`, text(after)));
    if (!refund.isPaid) found.push(wrong(`debited ${text(amount)}`, 'the refund to be paid first'));
    if (refund.obligationId !== obligationId)
      found.push(wrong(`debited for obligation ${obligationId}`, refund.obligationId ?? 'an obligation opened before'));
    return [...found, ...balanced];
  }

  /** Laid out by the fund for this merchant in this asset. */
  #owed(of: MerchantOf & { readonly refundId: string }, { asset }: Money): Refund | undefined {
    const refund = this.#refunds.get(of.refundId);
    return refund !== undefined && refund.share > 0n && refund.asset === asset && refund.recourseAccount === recourseOf(of)
      ? refund
      : undefined;
  }

  #writeOff({ position, data }: Of<'RecourseWrittenOff'>): readonly Violation[] {
    const { refundId, amount, proposedBy, approvedBy } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    this.#standings.add(data, amount.asset, { writtenOff: amount.minor });
    const refund = this.#owed(data, amount);
    if (refund === undefined)
      return [wrong(`written off ${text(amount)} of ${data.merchant}`, 'an obligation of this merchant in this asset')];
    const before = { asset: refund.asset, minor: refund.outstanding };
    refund.outstanding -= amount.minor;
    refund.writtenOff += amount.minor;
    const found: Violation[] = [];
    if (!equals(amount, before)) found.push(wrong(`written off ${text(amount)}`, `${text(before)}, outstanding`));
    if (!refund.isPaid) found.push(wrong(`written off ${text(amount)}`, 'the refund to be paid first'));
    if (proposedBy === approvedBy) found.push(wrong(`written off by ${approvedBy} alone`, 'two people'));
    return found;
  }

  #reinstate({ position, data }: Of<'RecourseReinstated'>): readonly Violation[] {
    const { refundId, amount, writtenOff } = data;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    this.#standings.add(data, amount.asset, { writtenOff: -amount.minor });
    const refund = this.#refunds.get(refundId);
    const before = { asset: refund?.asset ?? amount.asset, minor: refund?.writtenOff ?? 0n };
    const after = { asset: before.asset, minor: before.minor - amount.minor };
    if (refund !== undefined) {
      refund.outstanding += amount.minor;
      refund.writtenOff = after.minor;
      refund.reinstatedAt = position;
    }
    if (amount.asset !== before.asset || after.minor < 0n)
      return [wrong(`reinstated ${text(amount)}`, `at most ${text(before)}, written off`)];
    return equals(writtenOff, after) ? [] : [wrong(`still written off ${text(writtenOff)}`, text(after))];
  }

  #forgive({ position, data }: Of<'RecourseForgiven'>): readonly Violation[] {
    const { refundId, amount } = data;
    const wrong = (expected: string) => violation(position, refundId, `forgiven ${text(amount)}`, expected);
    this.#standings.add(data, amount.asset, { forgiven: amount.minor });
    const refund = this.#owed(data, amount);
    if (refund === undefined) return [wrong('an obligation of this merchant in this asset')];
    const { asset, outstanding, overturned, isPaid } = refund;
    refund.outstanding -= amount.minor;
    refund.forgiven += amount.minor;
    const found: Violation[] = [];
    if (amount.minor > outstanding) found.push(wrong(`at most ${text({ asset, minor: outstanding })}, outstanding`));
    if (!isPaid) found.push(wrong('the refund to be paid first'));
    if (overturned === undefined) found.push(wrong('its verdict to be overturned first'));
    else if (refund.forgiven > overturned.recourse)
      found.push(wrong(`at most ${text({ asset, minor: overturned.recourse })} in all, what the verdict put on him`));
    return found;
  }

  #reimburse({ position, data }: Of<'FundReimbursed'>): readonly Violation[] {
    const { refundId, amount } = data;
    this.#standings.add(data, amount.asset, { reimbursed: amount.minor });
    const refund = this.#refunds.get(refundId);
    const recovered: Money = { asset: refund?.asset ?? amount.asset, minor: refund?.recovered ?? 0n };
    if (refund !== undefined) refund.recovered -= amount.minor;
    if (amount.asset === recovered.asset && amount.minor <= recovered.minor) return [];
    return [violation(position, refundId, `reimbursed ${text(amount)}`, `at most ${text(recovered)}, recovered`)];
  }

  /** Whatever he lost and is not forgiven. */
  #claim({ position, data: { refundId, amount, recovered, escrowLoss } }: Of<'CompensationClaimed'>): readonly Violation[] {
    const refund = this.#refunds.get(refundId);
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    const {
      asset = amount.asset,
      overturned = { recourse: 0n, escrowLoss: 0n, buyerOwes: 0n },
      claimed,
      forgiven = 0n,
      taken = 0n,
    } = refund ?? {};
    const lost = { asset, minor: overturned.recourse - forgiven };
    const loss = { asset, minor: overturned.escrowLoss };
    if (refund !== undefined) refund.claimed = amount.minor;
    const found: Violation[] = [];
    if (claimed !== undefined) found.push(wrong(`claimed ${text(amount)} again`, 'one claim for one refund'));
    if (!addsUp(amount, [recovered, escrowLoss]))
      found.push(wrong(`claimed ${text(amount)}`, 'what was recovered and lost together'));
    if (!equals(escrowLoss, loss))
      found.push(wrong(`lost ${text(escrowLoss)} of escrow`, `${text(loss)}, by the overturned verdict`));
    if (!equals(recovered, lost))
      found.push(wrong(`claimed ${text(recovered)} as recovered`, `${text(lost)}, not forgiven of his share`));
    else if (recovered.minor > taken)
      found.push(wrong(`claimed ${text(recovered)} as recovered`, `at most ${text({ asset, minor: taken })}, taken from him`));
    if (refund?.isPaid === false) found.push(wrong(`claimed ${text(amount)}`, 'the refund to be paid first'));
    return found;
  }

  #compensate({ position, data }: Of<'MerchantCompensated'>): readonly Violation[] {
    const { refundId, amount } = data;
    this.#standings.add(data, amount.asset, { compensated: amount.minor });
    const refund = this.#refunds.get(refundId);
    const claimed = { asset: refund?.asset ?? amount.asset, minor: refund?.claimed ?? 0n };
    const isSecond = refund?.isCompensated === true;
    if (refund !== undefined) refund.isCompensated = true;
    if (equals(amount, claimed) && !isSecond) return [];
    return [
      violation(position, refundId, `compensated ${text(amount)}${isSecond ? ' again' : ''}`, `${text(claimed)}, claimed once`),
    ];
  }

  /** At most what came back and nobody is owed. */
  #comeBack({ position, data: { refundId, amount } }: Of<'RefundReturned' | 'FraudRepaid'>): readonly Violation[] {
    const refund = this.#refunds.get(refundId);
    const back = { asset: refund?.asset ?? amount.asset, minor: refund?.back ?? 0n };
    if (refund !== undefined) refund.back -= amount.minor;
    return amount.asset === back.asset && amount.minor <= back.minor
      ? []
      : [violation(position, refundId, `returned ${text(amount)}`, `at most ${text(back)}, come back and owed no more`)];
  }

  /** What he was paid by deceit, once. */
  #owe({ position, data }: Of<'BuyerFraudEstablished'>): readonly Violation[] {
    const { refundId, amount } = data;
    this.#standings.add(data, amount.asset, { fraud: amount.minor });
    const refund = this.#refunds.get(refundId);
    const owes = { asset: refund?.asset ?? amount.asset, minor: refund?.overturned?.buyerOwes ?? 0n };
    const isSecond = refund?.isFraud === true;
    if (refund !== undefined) refund.isFraud = true;
    if (equals(amount, owes) && !isSecond) return [];
    return [violation(position, refundId, `fraud of ${text(amount)}${isSecond ? ' again' : ''}`, `${text(owes)}, found once`)];
  }

  #balanced(
    { position, data }: { readonly position: bigint; readonly data: MerchantOf },
    { asset }: Money,
    books: Books,
  ): readonly Violation[] {
    return this.#standings.compare(position, data, asset, books);
  }
}

/** Only what was revoked, and never paid, goes back to whoever gave it. */
function faultInGivingBack(refund: Refund | undefined, who: 'fund' | 'deposit'): string | undefined {
  if (refund?.fundedBy !== who) return `a refund that the ${who} has funded`;
  if (!refund.isRevoked) return 'the refund to be revoked first';
  if (refund.isGivenBack) return 'it to be given back once';
  return refund.isPaid ? 'a refund that was never paid' : undefined;
}
