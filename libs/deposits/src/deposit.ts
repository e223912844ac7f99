import { type CommandOf, eventsOf, type Decider, type Event, type Instant, reject, type Rejection } from '@recourse/eventing';
import { add, isNegative, isPositive, isZero, min, type Money, negate, sameAsset, subtract, zero } from '@recourse/money';

interface Account {
  readonly platform: string;
  readonly merchant: string;
}

export type DepositEvent =
  /** First event of a period: what the account had when it began. Period 0001 begins with nothing. */
  | Event<
      'DepositPeriodOpened',
      Account & {
        readonly period: string;
        readonly deposit: Money;
        readonly held: Money;
        readonly payable: Money;
        readonly openedAt: Instant;
      }
    >
  | Event<
      'DepositAgreed',
      Account & {
        readonly termsVersion: number;
        readonly minimum: Money;
        readonly payee: string;
        readonly rail: string;
        readonly agreedAt: Instant;
      }
    >
  | Event<
      'DepositToppedUp',
      Account & { readonly amount: Money; readonly rail: string; readonly transaction: string; readonly toppedUpAt: Instant }
    >
  /** Proceeds of released escrow, net of fee: from merchant:settling to merchant:payable. */
  | Event<'PayableCredited', Account & { readonly orderId: string; readonly unitNo: number; readonly amount: Money }>
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
  /** From merchant:payable to outgoing:{payout}. */
  | Event<
      'SettlementDrawn',
      Account & {
        readonly payoutId: string;
        readonly amount: Money;
        readonly payee: string;
        readonly rail: string;
        readonly drawnAt: Instant;
      }
    >
  | Event<'SettlementReturned', Account & { readonly payoutId: string; readonly amount: Money }>;

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
    } & Account)
  /** Only after the rail confirmed transaction, amount and receiver. */
  | { readonly type: 'TopUpDeposit'; readonly amount: Money; readonly rail: string; readonly transaction: string }
  | { readonly type: 'CreditPayable'; readonly orderId: string; readonly unitNo: number; readonly amount: Money }
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
  | { readonly type: 'DrawSettlement'; readonly payoutId: string; readonly amount?: Money }
  | { readonly type: 'ReturnSettlement'; readonly payoutId: string };

export type DepositRejection =
  | 'AccountUnopened'
  | 'AmountNotPositive'
  | 'AssetMismatch'
  | 'TermsNotNewer'
  | 'MoreThanPayable'
  | 'NothingPayable'
  | 'ObligationOutstanding'
  | 'PayoutUnknown';

interface Obligation {
  readonly obligationId: string;
  readonly refundId: string;
  readonly caseId: string | undefined;
  /** Never less than `held`: a hold stops at what is owed, and a debit takes the hold first. */
  readonly outstanding: Money;
  readonly held: Money;
  readonly refundPaid: boolean;
}
interface Books extends Account {
  readonly deposit: Money;
  /** The sum of what cases and obligations hold. */
  readonly held: Money;
  readonly payable: Money;
  /** Not settled yet, oldest first. */
  readonly obligations: readonly Obligation[];
  /** What each open case holds. */
  readonly cases: ReadonlyMap<string, Money>;
  /** Settlements on their way, which may still come back. */
  readonly settlements: ReadonlyMap<string, Money>;
  /** What was done in this period, by `doneKey`: a repeat does nothing. At most one entry per event of the period. */
  readonly done: readonly string[];
}
interface Terms {
  readonly version: number;
  readonly payee: string;
  readonly rail: string;
}
type Open = Books & { readonly status: 'open'; readonly terms: Terms };

/** All money a merchant has here, as far as it is open. `opening` lasts only between the first two events of one append. */
export type Deposit = { readonly status: 'unopened' } | (Books & { readonly status: 'opening' }) | Open;

/** A sweep stops after this many events, so that an append stays below its 1 MiB; the next command of the account goes on. */
export const maxSweepEvents = 512;

const firstPeriod = '0001';
const event = eventsOf<DepositEvent>();
type Change = Exclude<DepositEvent, { type: 'DepositPeriodOpened' | 'DepositAgreed' }>;
type Refusal = Rejection<DepositRejection>;

const doneKey = (kind: 'top-up' | 'unit' | 'case' | 'obligation' | 'settlement', ...id: (string | number)[]): string =>
  [kind, ...id].join('/');
const accountOf = ({ platform, merchant }: Account): Account => ({ platform, merchant });

/**
 * Stream `deposit-{platform}.{merchant}.{period}`. Deposit, held and payable never fall below zero; whatever raises them is
 * taken for paid obligations first, oldest first, in the same append (K5).
 */
export const deposit: Decider<DepositCommand, Deposit, DepositEvent, DepositRejection> = {
  category: 'deposit',
  initial: { status: 'unopened' },
  events: {
    DepositPeriodOpened: 1,
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
    SettlementDrawn: 1,
    SettlementReturned: 1,
  },
  decide: (command, state) => {
    const { at } = command;
    if (command.type === 'AgreeDeposit') return agree(command, at, state);
    if (state.status !== 'open') {
      // An escrow refund of a merchant without an account has nothing to collect and must not halt anything.
      if (command.type === 'CollectObligation') return [];
      return reject('AccountUnopened', 'this merchant has not agreed to deposit terms yet; agree first, then send this again');
    }
    const account = accountOf(state);
    switch (command.type) {
      case 'TopUpDeposit': {
        const { amount, rail, transaction } = command;
        if (state.done.includes(doneKey('top-up', rail, transaction))) return [];
        const toppedUp = event('DepositToppedUp', { ...account, amount, rail, transaction, toppedUpAt: at });
        return amountFault(amount, state) ?? swept(state, at, toppedUp);
      }
      case 'CreditPayable': {
        const { orderId, unitNo, amount } = command;
        if (state.done.includes(doneKey('unit', orderId, unitNo))) return [];
        return amountFault(amount, state) ?? swept(state, at, event('PayableCredited', { ...account, orderId, unitNo, amount }));
      }
      case 'NoteCase':
        return noteCase(command, at, state);
      case 'EndCaseNote': {
        const { caseId } = command;
        const held = state.cases.get(caseId);
        if (held === undefined) return [];
        const ended = event('CaseNoteEnded', { ...account, caseId, endedAt: at });
        return swept(state, at, ended, ...ifPositive(held, (amount) => released(account, caseId, amount)));
      }
      case 'OpenObligation':
        return openObligation(command, at, state);
      case 'CollectObligation': {
        const owed = state.obligations.find(({ obligationId }) => obligationId === command.obligationId);
        if (owed === undefined) return []; // settled already, or the refund left no recourse
        const { obligationId, refundId } = owed;
        const paid = event('ObligationRefundPaid', { ...account, obligationId, refundId, paidAt: at });
        return owed.refundPaid ? sweep(state, at) : swept(state, at, paid);
      }
      case 'DrawSettlement':
        return drawSettlement(command.payoutId, command.amount, at, state);
      case 'ReturnSettlement': {
        const { payoutId } = command;
        const amount = state.settlements.get(payoutId);
        if (amount !== undefined) return swept(state, at, event('SettlementReturned', { ...account, payoutId, amount }));
        if (state.done.includes(doneKey('settlement', payoutId))) return [];
        return reject('PayoutUnknown', 'no settlement with this payout id was drawn from this account');
      }
    }
  },
  evolve: (state, happened) => {
    if (happened.type === 'DepositPeriodOpened') {
      const { deposit: free, held, payable } = happened.data;
      const open = { obligations: [], cases: new Map(), settlements: new Map(), done: [] };
      return { status: 'opening', ...accountOf(happened.data), deposit: free, held, payable, ...open };
    }
    if (state.status === 'unopened') throw new Error(`${happened.type} stands before DepositPeriodOpened`);
    if (happened.type === 'DepositAgreed') {
      const { termsVersion, payee, rail } = happened.data;
      return { ...state, status: 'open', terms: { version: termsVersion, payee, rail } };
    }
    return post(state, happened);
  },
};

function agree(
  command: CommandOf<DepositCommand, 'AgreeDeposit'>,
  at: Instant,
  state: Deposit,
): readonly DepositEvent[] | Refusal {
  const { platform, merchant, termsVersion, minimum, payee, rail } = command;
  if (isNegative(minimum)) return reject('AmountNotPositive', 'the minimum of a deposit is zero or more');
  const inForce = state.status === 'open' ? state.terms.version : 0;
  if (termsVersion <= inForce)
    return reject('TermsNotNewer', `terms version ${inForce} is in force; only a higher one replaces it`);
  const agreed = event('DepositAgreed', { platform, merchant, termsVersion, minimum, payee, rail, agreedAt: at });
  if (state.status !== 'unopened') return sameAsset(minimum, state.deposit) ? [agreed] : otherAsset(minimum, state);
  const none = zero(minimum.asset);
  const balances = { deposit: none, held: none, payable: none };
  return [event('DepositPeriodOpened', { platform, merchant, period: firstPeriod, ...balances, openedAt: at }), agreed];
}

function noteCase(command: CommandOf<DepositCommand, 'NoteCase'>, at: Instant, state: Open): readonly DepositEvent[] | Refusal {
  const { caseId, orderId, exposure } = command;
  if (state.cases.has(caseId) || state.done.includes(doneKey('case', caseId))) return [];
  if (isNegative(exposure)) return reject('AmountNotPositive', 'the exposure of a case is zero or more');
  if (!sameAsset(exposure, state.deposit)) return otherAsset(exposure, state);
  const noted = swept(state, at, event('CaseNoted', { ...accountOf(state), caseId, orderId, exposure, notedAt: at }));
  // The note came after its own obligation, which holds for the case already.
  if (state.obligations.some((owed) => owed.caseId === caseId)) return noted;
  const free = noted.reduce(post, state).deposit;
  const hold = (amount: Money) => event('DepositHeld', { ...accountOf(state), for: { kind: 'case', caseId }, amount });
  return [...noted, ...ifPositive(min(exposure, free), hold)];
}

function openObligation(
  command: CommandOf<DepositCommand, 'OpenObligation'>,
  at: Instant,
  state: Open,
): readonly DepositEvent[] | Refusal {
  const { obligationId, refundId, caseId, orderId, amount } = command;
  const isOpen = state.obligations.some((owed) => owed.obligationId === obligationId);
  if (isOpen || state.done.includes(doneKey('obligation', obligationId))) return [];
  const fault = amountFault(amount, state);
  if (fault) return fault;
  const account = accountOf(state);
  const ofCase = caseId === undefined ? {} : { caseId };
  const opened = event('ObligationOpened', { ...account, obligationId, refundId, ...ofCase, orderId, amount, openedAt: at });
  const caseHold = caseId === undefined ? undefined : state.cases.get(caseId);
  if (caseId === undefined || caseHold === undefined) return swept(state, at, opened);
  const taken = min(caseHold, amount);
  return swept(
    state,
    at,
    opened,
    ...ifPositive(taken, (part) => event('HoldReassigned', { ...account, caseId, obligationId, amount: part })),
    ...ifPositive(subtract(caseHold, taken), (rest) => released(account, caseId, rest)),
  );
}

function drawSettlement(
  payoutId: string,
  wanted: Money | undefined,
  at: Instant,
  state: Open,
): readonly DepositEvent[] | Refusal {
  if (state.done.includes(doneKey('settlement', payoutId))) return [];
  const fault = wanted && amountFault(wanted, state);
  if (fault) return fault;
  if (state.obligations.length > 0 || state.cases.size > 0)
    return reject(
      'ObligationOutstanding',
      `${state.obligations.length} obligations and ${state.cases.size} cases are open; settle again when all of them are over`,
    );
  if (isZero(state.payable)) return reject('NothingPayable', 'there are no proceeds to settle yet');
  const amount = wanted ?? state.payable;
  if (isPositive(subtract(amount, state.payable)))
    return reject('MoreThanPayable', `${amount.minor} is asked for and ${state.payable.minor} is payable, in minor units`);
  const { payee, rail } = state.terms;
  return [event('SettlementDrawn', { ...accountOf(state), payoutId, amount, payee, rail, drawnAt: at })];
}

const otherAsset = (amount: Money, books: Books): Refusal =>
  reject('AssetMismatch', `this account is kept in ${books.deposit.asset}, not in ${amount.asset}`);
const amountFault = (amount: Money, books: Books): Refusal | undefined => {
  if (!isPositive(amount)) return reject('AmountNotPositive', 'an amount is one minor unit or more');
  return sameAsset(amount, books.deposit) ? undefined : otherAsset(amount, books);
};

const ifPositive = (amount: Money, make: (amount: Money) => Change): Change[] => (isPositive(amount) ? [make(amount)] : []);
const released = (account: Account, caseId: string, amount: Money): Change =>
  event('HoldReleased', { ...account, for: { kind: 'case', caseId }, amount });

/** The events and, in the same append, the sweep of what they made available. */
const swept = (books: Books, at: Instant, ...changes: Change[]): readonly Change[] => [
  ...changes,
  ...sweep(changes.reduce(post, books), at),
];

/** Paid obligations first, oldest first; what is left of the deposit then raises the holds of those not paid yet. */
function sweep(books: Books, at: Instant): readonly Change[] {
  const changes: Change[] = [];
  let now = books;
  const inTurn = books.obligations.toSorted((one, other) => Number(other.refundPaid) - Number(one.refundPaid));
  for (const owed of inTurn) {
    if (changes.length >= maxSweepEvents) break;
    const next = owed.refundPaid ? debits(owed, now, at) : raisedHold(owed, now);
    now = next.reduce(post, now);
    changes.push(...next);
  }
  return changes;
}

/** Held first, then deposit, then payable; what none of them covers stays outstanding. K5 */
function debits({ obligationId, refundId, outstanding, held }: Obligation, books: Books, at: Instant): readonly Change[] {
  const account = accountOf(books);
  const fromHeld = min(held, outstanding);
  const fromDeposit = min(books.deposit, subtract(outstanding, fromHeld));
  const fromBoth = add(fromHeld, fromDeposit);
  const left = subtract(outstanding, fromBoth);
  const fromPayable = min(books.payable, left);
  const owed = { ...account, obligationId, refundId };
  return [
    ...ifPositive(fromBoth, (amount) =>
      event('DepositDebited', { ...owed, fromHeld, fromDeposit, amount, outstanding: left, debitedAt: at }),
    ),
    ...ifPositive(fromPayable, (amount) =>
      event('PayableDebited', { ...owed, amount, outstanding: subtract(left, amount), debitedAt: at }),
    ),
  ];
}

const raisedHold = ({ obligationId, outstanding, held }: Obligation, books: Books): readonly Change[] =>
  ifPositive(min(books.deposit, subtract(outstanding, held)), (amount) =>
    event('DepositHeld', { ...accountOf(books), for: { kind: 'obligation', obligationId }, amount }),
  );

function post<B extends Books>(books: B, change: Change): B {
  return { ...books, ...entry(books, change) };
}

/** What one event changes in the books. */
function entry(books: Books, { type, data }: Change): Partial<Books> {
  switch (type) {
    case 'DepositToppedUp':
      return { deposit: add(books.deposit, data.amount), done: [...books.done, doneKey('top-up', data.rail, data.transaction)] };
    case 'PayableCredited':
      return { payable: add(books.payable, data.amount), done: [...books.done, doneKey('unit', data.orderId, data.unitNo)] };
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
      const owed = { obligationId, refundId, caseId, outstanding: amount, held: zero(amount.asset), refundPaid: false };
      return { obligations: [...books.obligations, owed] };
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
    case 'SettlementDrawn':
      return {
        payable: subtract(books.payable, data.amount),
        settlements: new Map(books.settlements).set(data.payoutId, data.amount),
        done: [...books.done, doneKey('settlement', data.payoutId)],
      };
    case 'SettlementReturned': {
      const open = new Map(books.settlements);
      open.delete(data.payoutId);
      return { payable: add(books.payable, data.amount), settlements: open };
    }
  }
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

/** A settled obligation leaves the books; its id stays until the period ends. */
function owing(books: Books, id: string, outstanding: Money, fromHeld: Money): Partial<Books> {
  if (!isZero(outstanding))
    return { obligations: changed(books, id, ({ held }) => ({ outstanding, held: subtract(held, fromHeld) })) };
  return {
    obligations: books.obligations.filter(({ obligationId }) => obligationId !== id),
    done: [...books.done, doneKey('obligation', id)],
  };
}
