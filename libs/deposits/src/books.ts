import { type DataOf, eventsOf, type Instant, reject, type Rejection } from '@recourse/eventing';
import { add, isPositive, isZero, type Money, negate, sameAsset, subtract, zero } from '@recourse/money';
import type { DepositEvent, DepositRejection, HoldFor } from './deposit.js';
import type { SettlementSchedule } from './settlement.js';

export interface Account {
  readonly platform: string;
  readonly merchant: string;
}
/** One person's wish that a debt is given up; another one's approval does it. */
export interface Proposal {
  readonly reason: string;
  readonly proposedBy: string;
}
export interface Obligation {
  readonly obligationId: string;
  readonly refundId: string;
  readonly caseId: string | undefined;
  /** Never less than `held`: a hold stops at what is owed, and a debit takes the hold first. */
  readonly outstanding: Money;
  readonly held: Money;
  readonly refundPaid: boolean;
  readonly proposal: Proposal | undefined;
}
/** Given up, and taken up again by money that comes later. */
export interface WrittenOff {
  readonly obligationId: string;
  readonly refundId: string;
  readonly amount: Money;
}
/** Money on its way to the merchant; it may still come back. */
interface Draw {
  readonly fromDeposit: Money;
  readonly fromPayable: Money;
  readonly isPaid: boolean;
  /** Drawn in an earlier period. */
  readonly isCarried?: boolean;
}
/** Of a refund that this account funded and that is not paid yet; it may still come back. */
export interface Funding {
  readonly refundId: string;
  readonly orderId: string;
  /** From held and deposit. */
  readonly share: Money;
  readonly fromFees: Money;
}
/** A withdrawal that was asked for, or a closing, which takes everything. */
export interface Leaving {
  readonly payoutId: string;
  readonly amount: Money | 'everything';
  readonly until: Instant;
  /** The deadline fired while something was in the way; whatever removes that lets the money go. */
  readonly isCooledOff: boolean;
}
export interface Books extends Account {
  readonly period: { readonly no: string; readonly openedAt: Instant };
  readonly deposit: Money;
  /** The sum of what cases and obligations hold. */
  readonly held: Money;
  readonly payable: Money;
  /** What deposit and held together should have, by the terms in force. */
  readonly minimum: Money;
  /** The merchant was told that he is below the minimum, and not yet that he is above it again. */
  readonly isShort: boolean;
  /** Not settled yet, oldest first. */
  readonly obligations: readonly Obligation[];
  /** Oldest first. */
  readonly writtenOff: readonly WrittenOff[];
  /** What each open case holds. */
  readonly cases: ReadonlyMap<string, Money>;
  /** Settlements and withdrawals of this period and what was carried into it, by payout. */
  readonly draws: ReadonlyMap<string, Draw>;
  /** By refund. Who approves refunds bounds it, and the deposit that pays them. */
  readonly fundings: ReadonlyMap<string, Funding>;
  readonly leaving: Leaving | undefined;
  /** Up to when proceeds are gathered before they leave by themselves. */
  readonly settlementDue: Instant | undefined;
  readonly isClosed: boolean;
  /** What was done in this period, by `doneKey`: a repeat does nothing. At most one entry per event of the period. */
  readonly done: readonly string[];
}
export interface Terms {
  readonly version: number;
  readonly payee: string;
  readonly rail: string;
  readonly coolingOffHours: number;
  readonly settlement?: SettlementSchedule;
}
export type Open = Books & { readonly status: 'open'; readonly terms: Terms };

export const event = eventsOf<DepositEvent>();
export type Change = Exclude<DepositEvent, { type: 'DepositPeriodOpened' | 'DepositPeriodClosed' | 'DepositAgreed' }>;
export type Refusal = Rejection<DepositRejection>;
export type Decided = readonly Change[] | Refusal;

type Done = 'top-up' | 'unit' | 'case' | 'obligation' | 'payout' | 'made-whole' | 'compensation' | 'funding';
const doneKey = (kind: Done, ...id: (string | number)[]): string => [kind, ...id].join('/');
/** A unit is released once, or again for what came back to escrow. */
export const releaseOf = (of: { readonly orderId: string; readonly unitNo: number; readonly releaseNo?: number }) => [
  of.orderId,
  of.unitNo,
  ...(of.releaseNo === undefined ? [] : [of.releaseNo]),
];
export const isDone = ({ done }: Books, ...key: Parameters<typeof doneKey>): boolean => done.includes(doneKey(...key));
export const obligationOf = ({ obligations }: Books, id: string): Obligation | undefined =>
  obligations.find(({ obligationId }) => obligationId === id);
export const accountOf = ({ platform, merchant }: Account): Account => ({ platform, merchant });
export const emptyBooks = {
  isShort: false,
  obligations: [],
  writtenOff: [],
  cases: new Map(),
  draws: new Map(),
  fundings: new Map(),
  leaving: undefined,
  settlementDue: undefined,
  isClosed: false,
  done: [],
} as const;

export const otherAsset = (amount: Money, books: Books): Refusal =>
  reject('AssetMismatch', `this account is kept in ${books.deposit.asset}, not in ${amount.asset}`);
export const amountFault = (amount: Money, books: Books): Refusal | undefined => {
  if (!isPositive(amount)) return reject('AmountNotPositive', 'an amount is one minor unit or more');
  return sameAsset(amount, books.deposit) ? undefined : otherAsset(amount, books);
};
/** Withdrawals and settlements wait while a refund of this merchant may still need the money. */
export const openFault = ({ obligations, cases }: Books): Refusal | undefined =>
  obligations.length === 0 && cases.size === 0
    ? undefined
    : reject(
        'ObligationOutstanding',
        `${obligations.length} obligations and ${cases.size} cases are open; ask again when all of them are over`,
      );
export const closedFault = ({ isClosed }: Books): Refusal | undefined =>
  isClosed ? reject('AccountClosed', 'this account is closed; agreeing to new terms opens it again') : undefined;

export const ifPositive = (amount: Money, make: (amount: Money) => Change): Change[] =>
  isPositive(amount) ? [make(amount)] : [];
export const released = (account: Account, secures: HoldFor, amount: Money): Change =>
  event('HoldReleased', { ...accountOf(account), for: secures, amount });

export function post<B extends Books>(books: B, change: Change): B {
  return { ...books, ...entry(books, change) };
}

/** What one event changes in the books. */
function entry(books: Books, { type, data }: Change): Partial<Books> {
  switch (type) {
    case 'DepositCarriedForward':
      return carried(books, data);
    case 'DepositToppedUp':
      return { deposit: add(books.deposit, data.amount), done: [...books.done, doneKey('top-up', data.rail, data.transaction)] };
    case 'PayableCredited':
      return { payable: add(books.payable, data.amount), done: [...books.done, doneKey('unit', ...releaseOf(data))] };
    case 'CaseNoted':
      return { cases: new Map(books.cases).set(data.caseId, zero(data.exposure.asset)) };
    case 'CaseNoteEnded': {
      const open = new Map(books.cases);
      open.delete(data.caseId);
      return { cases: open, done: [...books.done, doneKey('case', data.caseId)] };
    }
    case 'DepositHeld':
      return { ...secured(books, data.for, data.amount), deposit: subtract(books.deposit, data.amount) };
    case 'HoldReleased':
      return { ...secured(books, data.for, negate(data.amount)), deposit: add(books.deposit, data.amount) };
    case 'HoldReassigned': {
      const { cases } = holding(books, { kind: 'case', caseId: data.caseId }, negate(data.amount));
      const { obligations } = holding(books, { kind: 'obligation', obligationId: data.obligationId }, data.amount);
      return { cases, obligations };
    }
    case 'ObligationOpened': {
      const { obligationId, refundId, caseId, amount } = data;
      const isNew = { held: zero(amount.asset), refundPaid: false, proposal: undefined };
      return { obligations: [...books.obligations, { obligationId, refundId, caseId, outstanding: amount, ...isNew }] };
    }
    case 'ObligationRefundPaid':
      return { obligations: changed(books, data.obligationId, () => ({ refundPaid: true })) };
    case 'DepositDebited':
      return {
        ...owing(books, data.obligationId, data.outstanding, data.fromHeld),
        held: subtract(books.held, data.fromHeld),
        deposit: subtract(books.deposit, data.fromDeposit),
      };
    case 'PayableDebited':
      return {
        ...owing(books, data.obligationId, data.outstanding, zero(data.amount.asset)),
        payable: subtract(books.payable, data.amount),
      };
    case 'RefundFundedFromDeposit':
      return funded(books, data);
    case 'HandOverDeclined':
      return {};
    case 'DepositFundingPaid':
      return { fundings: withoutFunding(books, data.refundId) };
    case 'DepositFundingRevoked':
      return { fundings: withoutFunding(books, data.refundId), deposit: add(books.deposit, data.toDeposit) };
    case 'SettlementDrawn':
      return {
        ...drawn(books, data.payoutId, zero(data.amount.asset), data.amount),
        ...(data.due !== undefined && { settlementDue: undefined }),
      };
    case 'SettlementScheduled':
      return { settlementDue: data.due };
    case 'SettlementSkipped':
      return { settlementDue: undefined };
    case 'WithdrawalRequested':
      return asked(books, data.payoutId, data.amount, data.until);
    case 'ClosingRequested':
      return asked(books, data.payoutId, 'everything', data.until);
    case 'WithdrawalCancelled':
      return { leaving: undefined };
    case 'CoolingOffEnded':
      return books.leaving === undefined ? {} : { leaving: { ...books.leaving, isCooledOff: true } };
    case 'WithdrawalDrawn':
      return { ...drawn(books, data.payoutId, data.fromDeposit, data.fromPayable), leaving: undefined };
    case 'DrawPaid': {
      const draw = books.draws.get(data.payoutId);
      return draw === undefined ? {} : { draws: new Map(books.draws).set(data.payoutId, { ...draw, isPaid: true }) };
    }
    case 'DrawReturned':
      return { ...cameBack(books, data.payoutId, data.toPayable), deposit: add(books.deposit, data.toDeposit) };
    case 'SettlementReturned':
      return cameBack(books, data.payoutId, data.amount);
    case 'AccountClosed':
      return { leaving: undefined, settlementDue: undefined, isClosed: true, isShort: false };
    case 'WriteOffProposed': {
      const { reason, proposedBy } = data;
      return { obligations: changed(books, data.obligationId, () => ({ proposal: { reason, proposedBy } })) };
    }
    case 'RecourseWrittenOff': {
      const { obligationId, refundId, amount } = data;
      const { obligations, done } = settled(books, obligationId);
      return { obligations, done, writtenOff: [...books.writtenOff, { obligationId, refundId, amount }] };
    }
    case 'RecourseReinstated': {
      const { obligationId, writtenOff: amount } = data;
      const left = books.writtenOff.map((one) => (one.obligationId === obligationId ? { ...one, amount } : one));
      return { writtenOff: left.filter((one) => !isZero(one.amount)) };
    }
    case 'ObligationRevoked':
      return settled(books, data.obligationId);
    case 'RecourseForgiven': {
      const { obligationId, refundId, amount } = data;
      const owed = obligationOf(books, obligationId);
      // What was written off has left the obligations before.
      const after =
        owed === undefined
          ? books
          : { ...books, ...owing(books, obligationId, subtract(owed.outstanding, amount), zero(amount.asset)) };
      return { obligations: changed(after, obligationId, () => ({ proposal: undefined })), done: madeWhole(after, refundId) };
    }
    case 'CompensationClaimed':
      return { done: madeWhole(books, data.refundId) };
    case 'CompensationCredited':
      return { payable: add(books.payable, data.amount), done: [...books.done, doneKey('compensation', data.refundId)] };
    case 'DepositFellShort':
      return { isShort: true };
    case 'ShortfallCured':
      return { isShort: false };
  }
}

function carried(
  books: Books,
  { obligations = [], writtenOff = [], cases = [], draws = [], fundings = [] }: DataOf<DepositEvent, 'DepositCarriedForward'>,
): Partial<Books> {
  return {
    obligations: [...books.obligations, ...obligations.map(({ caseId, proposal, ...owed }) => ({ ...owed, caseId, proposal }))],
    writtenOff: [...books.writtenOff, ...writtenOff],
    cases: new Map([...books.cases, ...cases.map(({ caseId, held }) => [caseId, held] as const)]),
    draws: new Map([...books.draws, ...draws.map(({ payoutId, ...draw }) => [payoutId, { ...draw, isCarried: true }] as const)]),
    fundings: new Map([...books.fundings, ...fundings.map((one) => [one.refundId, one] as const)]),
  };
}

/** What is forgiven and what is claimed are two events of one making whole. */
const madeWhole = (books: Books, refundId: string): readonly string[] =>
  isDone(books, 'made-whole', refundId) ? books.done : [...books.done, doneKey('made-whole', refundId)];
function funded(books: Books, data: DataOf<DepositEvent, 'RefundFundedFromDeposit'>): Partial<Books> {
  const { refundId, orderId, caseId, fromHeld, fromDeposit, fromFees } = data;
  const share = add(fromHeld, fromDeposit);
  return {
    ...(caseId === undefined ? {} : secured(books, { kind: 'case', caseId }, negate(fromHeld))),
    deposit: subtract(books.deposit, fromDeposit),
    fundings: new Map(books.fundings).set(refundId, { refundId, orderId, share, fromFees }),
    done: [...books.done, doneKey('funding', refundId)],
  };
}
function withoutFunding(books: Books, refundId: string): Books['fundings'] {
  const fundings = new Map(books.fundings);
  fundings.delete(refundId);
  return fundings;
}

const asked = (books: Books, payoutId: string, amount: Leaving['amount'], until: Instant): Partial<Books> => ({
  leaving: { payoutId, amount, until, isCooledOff: false },
  done: [...books.done, doneKey('payout', payoutId)],
});
/** A withdrawal's payout is known since it was asked for, a settlement's is new. */
const drawn = (books: Books, payoutId: string, fromDeposit: Money, fromPayable: Money): Partial<Books> => ({
  deposit: subtract(books.deposit, fromDeposit),
  payable: subtract(books.payable, fromPayable),
  draws: new Map(books.draws).set(payoutId, { fromDeposit, fromPayable, isPaid: false }),
  done: isDone(books, 'payout', payoutId) ? books.done : [...books.done, doneKey('payout', payoutId)],
});
function cameBack(books: Books, payoutId: string, toPayable: Money): Partial<Books> {
  const draws = new Map(books.draws);
  draws.delete(payoutId);
  return { payable: add(books.payable, toPayable), draws };
}

const changed = ({ obligations }: Books, id: string, change: (owed: Obligation) => Partial<Obligation>): readonly Obligation[] =>
  obligations.map((owed) => (owed.obligationId === id ? { ...owed, ...change(owed) } : owed));

const secured = (books: Books, secures: HoldFor, amount: Money): Partial<Books> => ({
  ...holding(books, secures, amount),
  held: add(books.held, amount),
});

/** The hold of a case whose note ended in the same append is not kept any more. */
function holding(books: Books, secures: HoldFor, amount: Money): Pick<Books, 'cases' | 'obligations'> {
  const { cases, obligations } = books;
  if (secures.kind === 'obligation')
    return { cases, obligations: changed(books, secures.obligationId, ({ held }) => ({ held: add(held, amount) })) };
  const held = cases.get(secures.caseId);
  return {
    cases: held === undefined ? cases : new Map(cases).set(secures.caseId, add(held, amount)),
    obligations,
  };
}

function owing(books: Books, id: string, outstanding: Money, fromHeld: Money): Partial<Books> {
  if (!isZero(outstanding))
    return { obligations: changed(books, id, ({ held }) => ({ outstanding, held: subtract(held, fromHeld) })) };
  return settled(books, id);
}

/** An obligation that is over leaves the books; its id stays until the period ends. */
function settled(books: Books, id: string): Pick<Books, 'obligations' | 'done'> {
  const obligations = books.obligations.filter(({ obligationId }) => obligationId !== id);
  // Money for one that was written off pays what left the books before.
  const isLive = obligations.length < books.obligations.length;
  return { obligations, done: isLive ? [...books.done, doneKey('obligation', id)] : books.done };
}
