import { type Decider, type Event, type Instant, reject } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { RefundParties } from '@recourse/orders/events';
import {
  type Account,
  accountOf,
  amountFault,
  closedFault,
  event,
  type Funding,
  isDone,
  type Leaving,
  type Obligation,
  type Proposal,
  releaseOf,
  type Terms,
  type WrittenOff,
} from './books.js';
import { endCaseNote, noteCase } from './case-note.js';
import { passDeadlines } from './deadline.js';
import { type Deposit, evolve } from './deposit-state.js';
import { confirmDraw, returnDraw } from './draw.js';
import { declined, fundRefund, revokeFunding } from './hand-over.js';
import { creditCompensation, isNothingLost, makeWhole } from './make-whole.js';
import { collectObligation, openObligation, revokeObligation } from './obligation.js';
import { depositPeriods } from './period.js';
import { drawSettlement, type SettlementSchedule } from './settlement.js';
import { swept } from './sweep.js';
import { agree } from './terms.js';
import { cancelWithdrawal, closeAccount, requestWithdrawal } from './withdrawal.js';
import { approveWriteOff, proposeWriteOff } from './write-off.js';

export type DepositEvent =
  /** First event of a period: what the account had when it began. Period 0001 begins with nothing. */
  | Event<
      'DepositPeriodOpened',
      Account & {
        readonly period: string;
        readonly deposit: Money;
        readonly held: Money;
        readonly payable: Money;
        /** What goes on besides from the period before; absent in the first. */
        readonly carried?: Carried;
        readonly openedAt: Instant;
      }
    >
  /** What is open goes on in the new period; in the append that opens it, and as many of these as it takes. */
  | Event<
      'DepositCarriedForward',
      Account & {
        readonly obligations?: readonly CarriedObligation[];
        readonly writtenOff?: readonly WrittenOff[];
        readonly cases?: readonly { readonly caseId: string; readonly held: Money }[];
        readonly draws?: readonly {
          readonly payoutId: string;
          readonly fromDeposit: Money;
          readonly fromPayable: Money;
          readonly isPaid: boolean;
        }[];
        readonly fundings?: readonly Funding[];
      }
    >
  /** Last event of a period: nothing follows it here. */
  | Event<
      'DepositPeriodClosed',
      Account & {
        readonly period: string;
        readonly deposit: Money;
        readonly held: Money;
        readonly payable: Money;
        readonly closedAt: Instant;
      }
    >
  | Event<
      'DepositAgreed',
      Account & {
        readonly termsVersion: number;
        readonly minimum: Money;
        readonly payee: string;
        readonly rail: string;
        /** How long a withdrawal waits before it is drawn; 168 hours where it is not said. */
        readonly coolingOffHours?: number;
        /** Absent: settlements are made on request only. */
        readonly settlement?: SettlementSchedule;
        readonly agreedAt: Instant;
      }
    >
  | Event<
      'DepositToppedUp',
      Account & { readonly amount: Money; readonly rail: string; readonly transaction: string; readonly toppedUpAt: Instant }
    >
  /** Proceeds of released escrow, net of fee: from merchant:settling to merchant:payable. */
  | Event<
      'PayableCredited',
      Account & {
        readonly orderId: string;
        readonly unitNo: number;
        readonly amount: Money;
        /** From 2: a later release of the same unit. */
        readonly releaseNo?: number;
      }
    >
  /** A submitted claim of this merchant; its hold follows if the escrow is gone. */
  | Event<
      'CaseNoted',
      Account & { readonly caseId: string; readonly orderId: string; readonly exposure: Money; readonly notedAt: Instant }
    >
  | Event<'CaseNoteEnded', Account & { readonly caseId: string; readonly endedAt: Instant }>
  /** From merchant:deposit to merchant:held. A case's hold passes to the obligation that its verdict opens. */
  | Event<'DepositHeld', Account & { readonly for: HoldFor; readonly amount: Money }>
  | Event<'HoldReleased', Account & { readonly for: HoldFor; readonly amount: Money }>
  /** A case's hold is now the obligation's; no money moves. */
  | Event<'HoldReassigned', Account & { readonly caseId: string; readonly obligationId: string; readonly amount: Money }>
  | Event<
      'ObligationOpened',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly caseId?: string;
        readonly orderId: string;
        readonly amount: Money;
        readonly openedAt: Instant;
      }
    >
  | Event<
      'ObligationRefundPaid',
      Account & { readonly obligationId: string; readonly refundId: string; readonly paidAt: Instant }
    >
  /** From held and deposit to recourse. `outstanding` is what the merchant still owes for this refund. */
  | Event<
      'DepositDebited',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly fromHeld: Money;
        readonly fromDeposit: Money;
        readonly amount: Money;
        readonly outstanding: Money;
        readonly debitedAt: Instant;
      }
    >
  | Event<
      'PayableDebited',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly outstanding: Money;
        readonly debitedAt: Instant;
      }
    >
  /**
   * The fund is short of money and this account covers the merchant's whole part of a refund: from held, deposit and platform:fees
   * to refund:{r}. K5
   */
  | Event<
      'RefundFundedFromDeposit',
      RefundParties & {
        readonly refundId: string;
        readonly orderId: string;
        readonly caseId?: string;
        /** Out of the hold of this case. */
        readonly fromHeld: Money;
        readonly fromDeposit: Money;
        readonly fromFees: Money;
        /** fromHeld + fromDeposit + fromFees. */
        readonly amount: Money;
        /** The whole refund, escrow lines included: what the payout pays. */
        readonly total: Money;
        readonly fundedAt: Instant;
      }
    >
  /** No money moves: the refund goes on waiting for the fund. Also said of a merchant who has no account. */
  | Event<
      'HandOverDeclined',
      Account & {
        readonly refundId: string;
        readonly orderId: string;
        /** What hold and deposit would have had to cover. */
        readonly amount: Money;
        readonly because: 'no-account' | 'account-closed' | 'not-covered';
        readonly declinedAt: Instant;
      }
    >
  /** The buyer has what this account funded. */
  | Event<
      'DepositFundingPaid',
      Account & { readonly refundId: string; readonly orderId: string; readonly amount: Money; readonly paidAt: Instant }
    >
  /** The refund is no more: from refund:{r} back to deposit and platform:fees. `amount` is both together. */
  | Event<
      'DepositFundingRevoked',
      Account & {
        readonly refundId: string;
        readonly orderId: string;
        readonly toDeposit: Money;
        readonly toFees: Money;
        readonly amount: Money;
        readonly revokedAt: Instant;
      }
    >
  /** From merchant:payable to outgoing:{payout}. */
  | Event<
      'SettlementDrawn',
      Account & {
        readonly payoutId: string;
        readonly amount: Money;
        readonly payee: string;
        readonly rail: string;
        /** The end of the day or week that drew it by itself; absent where somebody asked. */
        readonly due?: Instant;
        readonly drawnAt: Instant;
      }
    >
  /** What is payable after `due` leaves then by itself. */
  | Event<'SettlementScheduled', Account & { readonly due: Instant; readonly scheduledAt: Instant }>
  | Event<
      'SettlementSkipped',
      Account & {
        readonly due: Instant;
        readonly because: 'not-agreed' | 'nothing-payable' | 'below-minimum' | 'leaving' | 'open-case';
        readonly skippedAt: Instant;
      }
    >
  /** Written by earlier builds only; today a DrawReturned. */
  | Event<'SettlementReturned', Account & { readonly payoutId: string; readonly amount: Money }>
  /** No money moves before the cooling-off is over, a moment after `until`. */
  | Event<
      'WithdrawalRequested',
      Account & {
        readonly payoutId: string;
        readonly amount: Money;
        readonly until: Instant;
        readonly requestedAt: Instant;
      }
    >
  /** The merchant leaves: everything goes to him once nothing is open and the cooling-off is over. */
  | Event<'ClosingRequested', Account & { readonly payoutId: string; readonly until: Instant; readonly requestedAt: Instant }>
  /** Of a withdrawal or a closing, in its cooling-off. `obligationId` says which one it gave way to. */
  | Event<
      'WithdrawalCancelled',
      Account & {
        readonly payoutId: string;
        readonly because: 'merchant' | 'obligation' | 'minimum' | 'closing';
        readonly obligationId?: string;
        readonly cancelledAt: Instant;
      }
    >
  /** The deadline is over and something is in the way: the money leaves with the event that removes it. */
  | Event<'CoolingOffEnded', Account & { readonly payoutId: string; readonly endedAt: Instant }>
  /** From merchant:deposit, and for a closing from merchant:payable too, to outgoing:{payout}. */
  | Event<
      'WithdrawalDrawn',
      Account & {
        readonly payoutId: string;
        readonly amount: Money;
        readonly fromDeposit: Money;
        readonly fromPayable: Money;
        readonly payee: string;
        readonly rail: string;
        readonly drawnAt: Instant;
      }
    >
  /** The merchant has the money of a settlement or a withdrawal. */
  | Event<'DrawPaid', Account & { readonly payoutId: string; readonly paidAt: Instant }>
  /** Its payout was given up: from outgoing:{payout} back to where it came from. */
  | Event<
      'DrawReturned',
      Account & {
        readonly payoutId: string;
        readonly amount: Money;
        readonly toDeposit: Money;
        readonly toPayable: Money;
        readonly returnedAt: Instant;
      }
    >
  | Event<'AccountClosed', Account & { readonly payoutId: string; readonly closedAt: Instant }>
  /** `amount` is outstanding at this moment; what money comes in until the approval is taken first. */
  | Event<
      'WriteOffProposed',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly reason: string;
        readonly proposedBy: string;
        readonly proposedAt: Instant;
      }
    >
  /** From fund:advanced to merchant:recourse. Two people. */
  | Event<
      'RecourseWrittenOff',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly reason: string;
        readonly proposedBy: string;
        readonly approvedBy: string;
        readonly writtenOffAt: Instant;
      }
    >
  /** Money came after a write-off: for exactly what the debits right behind it take. `writtenOff` is what stays given up. */
  | Event<
      'RecourseReinstated',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly writtenOff: Money;
        readonly reinstatedAt: Instant;
      }
    >
  /** The refund was revoked before it was paid: the obligation is no more. The fund's event moves the money. */
  | Event<
      'ObligationRevoked',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly revokedAt: Instant;
      }
    >
  /** The verdict behind a paid refund was overturned: from fund:advanced to merchant:recourse. */
  | Event<
      'RecourseForgiven',
      Account & {
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly forgivenAt: Instant;
      }
    >
  /** What the merchant lost by an overturned verdict is asked of the fund. */
  | Event<
      'CompensationClaimed',
      Account & {
        readonly refundId: string;
        readonly orderId: string;
        readonly caseId?: string;
        /** recovered + escrowLoss, more than nothing. */
        readonly amount: Money;
        /** What was taken from him for the refund: as recourse, or out of his deposit when that paid it. */
        readonly recovered: Money;
        /** What he would have received out of escrow, net of the fee. */
        readonly escrowLoss: Money;
        readonly claimedAt: Instant;
      }
    >
  /** The fund has paid it: from merchant:settling to merchant:payable. */
  | Event<'CompensationCredited', Account & { readonly refundId: string; readonly orderId: string; readonly amount: Money }>
  /** Deposit and held together fell below the agreed minimum by `shortfall`. */
  | Event<'DepositFellShort', Account & { readonly minimum: Money; readonly shortfall: Money; readonly fellAt: Instant }>
  | Event<'ShortfallCured', Account & { readonly minimum: Money; readonly curedAt: Instant }>;

/** What goes on from one period to the next besides the balances. */
export interface Carried {
  readonly terms: Terms;
  readonly minimum: Money;
  readonly isShort: boolean;
  readonly isClosed: boolean;
  readonly leaving?: Leaving;
  readonly settlementDue?: Instant;
}
export type CarriedObligation = Omit<Obligation, 'caseId' | 'proposal'> & {
  readonly caseId?: string;
  readonly proposal?: Proposal;
};

/** What a hold secures. */
export type HoldFor =
  { readonly kind: 'case'; readonly caseId: string } | { readonly kind: 'obligation'; readonly obligationId: string };

export type DepositCommand =
  | ({
      readonly type: 'AgreeDeposit';
      readonly termsVersion: number;
      readonly minimum: Money;
      readonly payee: string;
      readonly rail: string;
      /** Whole hours, zero or more; default `usualCoolingOffHours`. */
      readonly coolingOffHours?: number;
      readonly settlement?: SettlementSchedule;
    } & Account)
  /** Only after the rail confirmed transaction, amount and receiver. */
  | { readonly type: 'TopUpDeposit'; readonly amount: Money; readonly rail: string; readonly transaction: string }
  | {
      readonly type: 'CreditPayable';
      readonly orderId: string;
      readonly unitNo: number;
      readonly amount: Money;
      readonly releaseNo?: number;
    }
  | { readonly type: 'NoteCase'; readonly caseId: string; readonly orderId: string; readonly exposure: Money }
  | { readonly type: 'EndCaseNote'; readonly caseId: string }
  | {
      readonly type: 'OpenObligation';
      readonly obligationId: string;
      readonly refundId: string;
      readonly caseId?: string;
      readonly orderId: string;
      readonly amount: Money;
    }
  /** The buyer is paid: take what is there, the rest stays outstanding (K5). */
  | { readonly type: 'CollectObligation'; readonly obligationId: string }
  /** Instead of the fund, if the case's hold and the free deposit cover `share`; otherwise it is declined. K5 */
  | ({
      readonly type: 'FundRefund';
      readonly refundId: string;
      readonly orderId: string;
      readonly caseId?: string;
      readonly share: Money;
      readonly fromFees: Money;
      readonly total: Money;
    } & RefundParties)
  /** The refund that this account funded is no more, and nothing was paid of it. */
  | { readonly type: 'RevokeFunding'; readonly refundId: string }
  | { readonly type: 'DrawSettlement'; readonly payoutId: string; readonly amount?: Money }
  /** A part of the deposit above the minimum; `payoutId` names it from now on. */
  | { readonly type: 'RequestWithdrawal'; readonly payoutId: string; readonly amount: Money }
  /** Also of a closing. */
  | { readonly type: 'CancelWithdrawal'; readonly payoutId: string }
  | { readonly type: 'CloseAccount'; readonly payoutId: string }
  /** Of a settlement or a withdrawal: the rail has paid it. */
  | { readonly type: 'ConfirmDraw'; readonly payoutId: string }
  /** Of a settlement or a withdrawal: its payout was given up and no transfer is live. */
  | {
      readonly type: 'ReturnDraw';
      readonly payoutId: string;
      /** What its payout was asked for, for one that was paid so long ago that the account has forgotten it. */
      readonly draw?: { readonly kind: 'settlement' | 'withdrawal'; readonly amount: Money };
    }
  | {
      readonly type: 'ProposeWriteOff';
      readonly obligationId: string;
      readonly reason: string;
      /** Who proposes, from the verified credential. */
      readonly subject: string;
    }
  | { readonly type: 'ApproveWriteOff'; readonly obligationId: string; readonly subject: string }
  /** Its refund was revoked, and nothing of it was ever paid. */
  | { readonly type: 'RevokeObligation'; readonly obligationId: string }
  /** The verdict behind a refund was overturned, and the refund is paid. Takes effect once per refund. */
  | {
      readonly type: 'MakeWhole';
      readonly obligationId: string;
      readonly refundId: string;
      readonly orderId: string;
      readonly caseId?: string;
      /** What escrow would have given him, net of the fee. */
      readonly escrowLoss: Money;
      /** His share of what others than escrow paid. What of it is neither outstanding nor written off was taken from him. */
      readonly recourse: Money;
    }
  /** The fund has compensated him for this refund. */
  | { readonly type: 'CreditCompensation'; readonly refundId: string; readonly orderId: string; readonly amount: Money }
  /** Sent any time after a cooling-off: the account compares with the time of the command. */
  | { readonly type: 'PassDepositDeadlines' };

export type DepositRejection =
  | 'AccountClosed'
  | 'AccountUnopened'
  | 'AlreadyProposed'
  | 'AmountNotPositive'
  | 'AssetMismatch'
  | 'TermsNotNewer'
  | 'MoreThanFree'
  | 'MoreThanPayable'
  | 'NotProposed'
  | 'NothingPayable'
  | 'ObligationOutstanding'
  | 'ObligationUnknown'
  | 'PayoutUnknown'
  | 'RefundNotPaid'
  | 'RefundPaid'
  | 'SameSubject'
  | 'WithdrawalOver'
  | 'WithdrawalPending';

/**
 * Stream `deposit-{platform}.{merchant}.{period}`. Deposit, held and payable never fall below zero; whatever raises them is
 * taken for paid obligations first, oldest first, in the same append (K5).
 */
export const deposit: Decider<DepositCommand, Deposit, DepositEvent, DepositRejection> = {
  category: 'deposit',
  initial: { status: 'unopened' },
  periods: depositPeriods,
  events: {
    DepositPeriodOpened: 1,
    DepositCarriedForward: 1,
    DepositPeriodClosed: 1,
    DepositAgreed: 1,
    DepositToppedUp: 1,
    PayableCredited: 1,
    CaseNoted: 1,
    CaseNoteEnded: 1,
    DepositHeld: 1,
    HoldReleased: 1,
    HoldReassigned: 1,
    ObligationOpened: 1,
    ObligationRefundPaid: 1,
    DepositDebited: 1,
    PayableDebited: 1,
    RefundFundedFromDeposit: 1,
    HandOverDeclined: 1,
    DepositFundingPaid: 1,
    DepositFundingRevoked: 1,
    SettlementDrawn: 1,
    SettlementScheduled: 1,
    SettlementSkipped: 1,
    SettlementReturned: 1,
    WithdrawalRequested: 1,
    ClosingRequested: 1,
    WithdrawalCancelled: 1,
    CoolingOffEnded: 1,
    WithdrawalDrawn: 1,
    DrawPaid: 1,
    DrawReturned: 1,
    AccountClosed: 1,
    WriteOffProposed: 1,
    RecourseWrittenOff: 1,
    RecourseReinstated: 1,
    ObligationRevoked: 1,
    RecourseForgiven: 1,
    CompensationClaimed: 1,
    CompensationCredited: 1,
    DepositFellShort: 1,
    ShortfallCured: 1,
  },
  decide: (command, state) => {
    const { at } = command;
    if (command.type === 'AgreeDeposit') return agree(command, at, state);
    if (state.status !== 'open') {
      // An escrow refund of a merchant without an account has nothing to collect and must not halt anything.
      if (command.type === 'CollectObligation' || isNothingLost(command)) return [];
      // Nobody has to be a merchant with a deposit for the fund to ask; the period that is over is not asked.
      if (command.type === 'FundRefund' && state.status !== 'over') return [declined(command, 'no-account', at)];
      return reject('AccountUnopened', 'this merchant has not agreed to deposit terms yet; agree first, then send this again');
    }
    const account = accountOf(state);
    switch (command.type) {
      case 'TopUpDeposit': {
        const { amount, rail, transaction } = command;
        if (isDone(state, 'top-up', rail, transaction)) return [];
        const toppedUp = event('DepositToppedUp', { ...account, amount, rail, transaction, toppedUpAt: at });
        return closedFault(state) ?? amountFault(amount, state) ?? swept(state, at, toppedUp);
      }
      case 'CreditPayable': {
        const { orderId, unitNo, amount, releaseNo } = command;
        const unit = { orderId, unitNo, ...(releaseNo === undefined ? {} : { releaseNo }) };
        if (isDone(state, 'unit', ...releaseOf(unit))) return [];
        return amountFault(amount, state) ?? swept(state, at, event('PayableCredited', { ...account, ...unit, amount }));
      }
      case 'NoteCase':
        return noteCase(command, at, state);
      case 'EndCaseNote':
        return endCaseNote(command, at, state);
      case 'OpenObligation':
        return openObligation(command, at, state);
      case 'CollectObligation':
        return collectObligation(command, at, state);
      case 'FundRefund':
        return fundRefund(command, at, state);
      case 'RevokeFunding':
        return revokeFunding(command.refundId, at, state);
      case 'DrawSettlement':
        return drawSettlement(command, at, state);
      case 'RequestWithdrawal':
        return requestWithdrawal(command, at, state);
      case 'CancelWithdrawal':
        return cancelWithdrawal(command, at, state);
      case 'CloseAccount':
        return closeAccount(command, at, state);
      case 'ConfirmDraw':
        return confirmDraw(command, at, state);
      case 'ReturnDraw':
        return returnDraw(command, at, state);
      case 'ProposeWriteOff':
        return proposeWriteOff(command, at, state);
      case 'ApproveWriteOff':
        return approveWriteOff(command, at, state);
      case 'RevokeObligation':
        return revokeObligation(command, at, state);
      case 'MakeWhole':
        return makeWhole(command, at, state);
      case 'CreditCompensation':
        return creditCompensation(command, at, state);
      case 'PassDepositDeadlines':
        return passDeadlines(state, at);
    }
  },
  evolve,
};
