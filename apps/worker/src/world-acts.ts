import type { BuyerDebt, Fund, Payout } from '@recourse/compensation';
import type { Deposit } from '@recourse/deposits';
import { policyHash, type Dispute } from '@recourse/disputes';
import type { PersonDecision } from '@recourse/disputes/events';
import type { Order, SettlementMode } from '@recourse/orders';
import { plusHours, type CommandContext } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { type Category, type Commands, type InFlight, type Outcome, type Parts, World } from './world.js';
import { type Dice, WorldRail } from './world-rail.js';

const explanation = { zh: '见卷宗', en: 'see the file' };
/** Whatever is claimed, a person decides: the verdicts of a world are as random as its buyers. */
const table = {
  id: 'demo',
  version: 1,
  title: explanation,
  rules: [{ id: 'person', when: {}, then: { do: 'review' as const }, explanation, basis: ['K14'] }],
};
const policy = { id: 'demo', version: 1, hash: policyHash(table) };
export const merchants = ['m1', 'm2', 'm3', 'm4'] as const;
const people = ['chen', 'zhou', 'ann'] as const;
const fen = (minor: number): Money => money(BigInt(minor));
export const depositId = (merchant: string) => `demo.${merchant}`;
const fundId = 'demo.CNY';

type Paid = Extract<Order, { status: 'paid' }>;
type OpenAccount = Extract<Deposit, { status: 'open' }>;

/** A world with people in it: four merchants, their buyers, finance, arbitrators and a rail. */
export class Town {
  readonly world: World;
  readonly rail: WorldRail;
  /** Its worker is down. */
  isFundStopped = false;
  readonly #inFlight: InFlight[] = [];
  readonly #sent: InFlight[] = [];
  #names = 0;

  constructor(parts?: Parts) {
    this.world = new World(parts);
    this.rail = new WorldRail(this.world);
    this.#now('policy', 'demo', { type: 'PublishPolicy', platform: 'demo', table });
    for (const merchant of merchants) this.agree(merchant);
  }

  name(prefix: string): string {
    return `${prefix}${(this.#names += 1)}`;
  }

  #now<C extends Category>(category: C, id: string, command: Commands[C], subject = 'shop'): Outcome {
    return this.world.send(category, id, command, subject);
  }

  /** At once, or on its way for a while; and perhaps it is sent again one day. */
  ask<C extends Category>(dice: Dice, category: C, id: string, command: Commands[C], subject = 'shop'): void {
    const context: CommandContext = this.world.context(subject);
    const flight = this.world.depart(category, id, command, context);
    this.#sent.push(flight);
    if (dice(3) === 0 && this.#inFlight.length < 8) this.#inFlight.push(flight);
    else this.world.land(flight);
  }

  landOne(dice: Dice): void {
    const [flight] = this.#inFlight.splice(dice(Math.max(1, this.#inFlight.length)), 1);
    if (flight) this.world.land(flight);
  }
  landAll(): void {
    while (this.#inFlight.length > 0) this.landOne(() => 0);
  }
  /** The same command by the same id: whoever sent it did not hear the answer. */
  resend(dice: Dice): void {
    const { category, id, command, context } = pick(this.#sent, dice) ?? {};
    if (category === undefined || id === undefined || context === undefined) return;
    this.world.land(this.world.depart(category, id, command as never, context));
  }

  wait(hours: number): void {
    this.landAll();
    this.world.now = plusHours(this.world.now, hours);
  }

  order(dice: Dice): { readonly id: string; readonly paid: Paid } | undefined {
    const paid = this.world.idsOf('order').flatMap((id) => {
      const state = this.world.stateOf('order', id) as Order;
      return state.status === 'paid' ? [{ id, paid: state }] : [];
    });
    return pick(paid, dice);
  }
  account(merchant: string): OpenAccount {
    const state = this.world.stateOf('deposit', depositId(merchant)) as Deposit;
    if (state.status !== 'open' && state.status !== 'over') throw new Error(`${merchant} has no account`);
    return state as OpenAccount;
  }
  payouts(...statuses: readonly Payout['status'][]): readonly string[] {
    return this.world.idsOf('payout').filter((id) => statuses.includes((this.world.stateOf('payout', id) as Payout).status));
  }

  payout(payoutId: string): Exclude<Payout, { status: 'unrequested' | 'barred' }> {
    return this.world.stateOf('payout', payoutId) as Exclude<Payout, { status: 'unrequested' | 'barred' }>;
  }
  /** A merchant's own money. */
  isDraw(payoutId: string): boolean {
    return this.payout(payoutId).requested.purpose.kind !== 'refund';
  }
  buyerDebt(debtId: string | undefined): Extract<BuyerDebt, { status: 'known' }> | undefined {
    const state = debtId === undefined ? undefined : (this.world.stateOf('buyerdebt', debtId) as BuyerDebt);
    return state?.status === 'known' ? state : undefined;
  }

  agree(merchant: string): void {
    const version = this.world.idsOf('deposit').includes(depositId(merchant)) ? this.account(merchant).terms.version : 0;
    this.#now('deposit', depositId(merchant), {
      type: 'AgreeDeposit',
      platform: 'demo',
      merchant,
      termsVersion: version + 1,
      minimum: fen(100),
      payee: `vault:${merchant}`,
      rail: 'sandbox',
      coolingOffHours: 24,
      ...((merchant === 'm2' || merchant === 'm3') && { settlement: { every: 'day', minimum: fen(1) } }),
    });
  }

  contribute(dice: Dice, minor: number): void {
    const contributionId = this.name('gift');
    const what = { contributionId, platform: 'demo', amount: fen(minor), rail: 'sandbox', transaction: contributionId };
    this.#now('contribution', contributionId, { type: 'ProposeContribution', ...what, subject: 'chen' });
    this.ask(dice, 'contribution', contributionId, { type: 'ApproveContribution', subject: 'zhou' });
  }

  topUp(dice: Dice, merchant: string, minor: number): void {
    const paid = { amount: fen(minor), rail: 'sandbox', transaction: this.name('t') };
    this.ask(dice, 'deposit', depositId(merchant), { type: 'TopUpDeposit', ...paid });
  }

  fund(): Exclude<Fund, { status: 'unopened' }> | undefined {
    const fund = this.world.fundState();
    return fund.status === 'open' ? fund : undefined;
  }

  control(dice: Dice, command: Commands['fundcontrol']): void {
    this.ask(dice, 'fundcontrol', fundId, command);
  }

  deadlines(category: 'order' | 'dispute' | 'deposit' | 'fundcontrol', id: string): Outcome {
    const commands = {
      order: { type: 'PassOrderDeadlines' },
      dispute: { type: 'PassDisputeDeadlines' },
      deposit: { type: 'PassDepositDeadlines' },
      fundcontrol: { type: 'BeginFundDay' },
    } as const;
    return this.#now(category, id, commands[category], 'system:deadline');
  }
}

export const pick = <Item>(items: readonly Item[], dice: Dice): Item | undefined => items[dice(Math.max(1, items.length))];
const some = <Item>(items: readonly Item[], dice: Dice): readonly Item[] => {
  const chosen = items.filter(() => dice(2) === 0);
  return chosen.length > 0 ? chosen : items.slice(0, 1);
};

type Act = (town: Town, dice: Dice) => void | Promise<void>;
const atFault: PersonDecision = { liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' };
const verdicts: readonly PersonDecision[] = [
  atFault,
  atFault,
  atFault,
  atFault,
  { liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' },
  { liable: 'BUYER', remedy: 'NONE', bearer: 'none' },
  { liable: 'SHARED', remedy: 'FULL_REFUND', bearer: 'shared', merchantPercent: 50 },
  { liable: 'SHARED', remedy: 'PARTIAL_REFUND', bearer: 'shared', refundPercent: 67, merchantPercent: 33 },
  { liable: 'MERCHANT', remedy: 'PARTIAL_REFUND', bearer: 'merchant', refundPercent: 33 },
  { liable: 'PLATFORM', remedy: 'PARTIAL_REFUND', bearer: 'platform', refundPercent: 33 },
];

const inFavourOfBuyer: readonly PersonDecision[] = [atFault, { liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' }];
const inFavourOfMerchant: readonly PersonDecision[] = [
  { liable: 'BUYER', remedy: 'NONE', bearer: 'none' },
  { liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' },
];

function deliver(town: Town, dice: Dice, id: string, unitNos: readonly number[]): void {
  const deliveries = unitNos.map((unitNo) => {
    const fingerprint = town.name('key');
    return { unitNo, delivery: { kind: 'key' as const, ciphertext: 'sealed', fingerprint, masked: '****' } };
  });
  town.ask(dice, 'order', id, { type: 'DeliverUnits', deliveries });
}

interface Sold {
  readonly orderId: string;
  readonly merchant: string;
  readonly unitNos: readonly number[];
}
/** Placed, and as good as paid. */
function sell(town: Town, dice: Dice, settlement: SettlementMode, by: readonly string[] = merchants): Sold {
  const orderId = town.name('demo.o');
  const merchant = pick(by, dice) ?? 'm1';
  const quantity = 1 + dice(3);
  const unitPrice = fen(400 + dice(4) * 301);
  const buyer = `b${1 + dice(3)}`;
  const placing: Commands['order'] = {
    type: 'PlaceOrder',
    orderId,
    platform: 'demo',
    merchant,
    buyer,
    payee: `vault:${buyer}`,
    rail: 'sandbox',
    receiver: 'ours',
    productKind: 'game-card',
    settlement,
    promise: { afterSaleHours: 48, deliverWithinHours: 24, reissue: false, sevenDay: dice(4) === 0 },
    policy,
    consent: policy,
    lines: [{ product: 'card', unitPrice, quantity }],
    fee: fen(quantity * 37),
    exposure: { limit: fen(1_000_000), exposed: fen(0) },
  };
  town.world.send('order', orderId, placing, 'shop');
  const amount = fen(Number(unitPrice.minor) * quantity + (dice(8) === 0 ? 50 : 0));
  const paid = { transaction: town.name('t'), receiver: 'ours', capturedAt: town.world.now };
  town.ask(dice, 'order', orderId, { type: 'CapturePayment', amount, ...paid });
  return { orderId, merchant, unitNos: Array.from({ length: quantity }, (_, index) => index + 1) };
}

/** What people, clocks and wires do, and how often. */
export const acts: Readonly<Record<string, readonly [weight: number, act: Act]>> = {
  sell: [
    6,
    (town, dice) => {
      const { orderId, unitNos } = sell(town, dice, dice(3) === 0 ? 'ESCROW' : 'ON_DELIVERY');
      if (dice(5) > 0) deliver(town, dice, orderId, dice(4) === 0 ? some(unitNos, dice) : unitNos);
    },
  ],
  // The way most money of the fund goes: sold, settled, and dead.
  sellDeadKeys: [
    7,
    async (town, dice) => {
      const idle = merchants.filter((one) => town.account(one).cases.size + town.account(one).obligations.length === 0);
      const { orderId, unitNos, merchant } = sell(town, dice, 'ON_DELIVERY', dice(3) === 0 ? merchants : idle);
      deliver(town, dice, orderId, unitNos);
      await caughtUp(town);
      if (dice(4) > 0) town.ask(dice, 'deposit', depositId(merchant), { type: 'DrawSettlement', payoutId: town.name('demo.s') });
      town.ask(dice, 'order', orderId, { type: 'OpenClaim', units: unitNos, reason: 'key-used', channel: 'app', draft: false });
      await caughtUp(town);
      const units = unitNos.map((unitNo) => ({ unitNo, ...(dice(5) === 0 ? (pick(verdicts, dice) ?? atFault) : atFault) }));
      const person = 'judge';
      if (dice(3) > 0) town.ask(dice, 'dispute', `${orderId}.1`, { type: 'DecideDispute', person, units, explanation });
    },
  ],
  payAgain: [
    1,
    (town, dice) => {
      const found = town.order(dice);
      const paid = { transaction: town.name('t'), amount: fen(500), receiver: 'ours', capturedAt: town.world.now };
      if (found) town.ask(dice, 'order', found.id, { type: 'CapturePayment', ...paid });
    },
  ],
  deliver: [
    2,
    (town, dice) => {
      const found = town.order(dice);
      const open = [...(found?.paid.units.values() ?? [])].filter(({ delivered }) => !delivered).map(({ unitNo }) => unitNo);
      if (found && open.length > 0) deliver(town, dice, found.id, some(open, dice));
    },
  ],
  confirm: [
    3,
    (town, dice) => {
      const found = town.order(dice);
      const open = [...(found?.paid.units.values() ?? [])].filter((unit) => unit.delivered && unit.escrow === 'held');
      const units = some(open, dice).map(({ unitNo }) => unitNo);
      if (found && units.length > 0) town.ask(dice, 'order', found.id, { type: 'ConfirmReceipt', units });
    },
  ],
  reveal: [
    1,
    (town, dice) => {
      const found = town.order(dice);
      if (found) town.ask(dice, 'order', found.id, { type: 'RevealKey', unitNo: 1 + dice(3) });
    },
  ],
  failDelivery: [
    1,
    (town, dice) => {
      const found = town.order(dice);
      if (found) town.ask(dice, 'order', found.id, { type: 'ReportPlatformFailure', unitNo: 1 + dice(3), incident: 'incident' });
    },
  ],
  cancel: [
    1,
    (town, dice) => {
      const found = town.order(dice);
      if (found) town.ask(dice, 'order', found.id, { type: 'CancelOrder', by: 'buyer' });
    },
  ],
  freeze: [
    1,
    (town, dice) => {
      const found = town.order(dice);
      const type = dice(3) === 0 ? 'FreezeOrder' : 'UnfreezeOrder';
      if (found) town.ask(dice, 'order', found.id, { type, scope: 'order', reason: 'suspicion' });
    },
  ],
  claim: [
    14,
    (town, dice) => {
      const found = town.order(dice);
      const free = [...(found?.paid.units.values() ?? [])].filter(
        ({ claim, price, refunded }) => !claim && refunded.minor < price.minor,
      );
      const units = some(free, dice).map(({ unitNo }) => unitNo);
      const draft = dice(6) === 0;
      if (found && units.length > 0)
        town.ask(dice, 'order', found.id, { type: 'OpenClaim', units, reason: 'key-used', channel: 'app', draft });
    },
  ],
  withdrawClaim: [
    1,
    (town, dice) => {
      const id = pick(town.world.idsOf('dispute'), dice);
      if (id !== undefined) town.ask(dice, 'dispute', id, { type: 'WithdrawDispute' });
    },
  ],
  decide: [
    14,
    (town, dice) => {
      const reviewed = town.world.idsOf('dispute').flatMap((id) => {
        const state = town.world.stateOf('dispute', id) as { units?: readonly { unitNo: number; status: { is: string } }[] };
        const units = (state.units ?? []).filter(({ status }) => status.is === 'under-review').map(({ unitNo }) => unitNo);
        return units.length > 0 ? [{ id, units }] : [];
      });
      const found = pick(reviewed, dice);
      if (!found) return;
      const units = (dice(3) === 0 ? some(found.units, dice) : found.units).map((unitNo) => ({
        unitNo,
        ...(pick(verdicts, dice) ?? atFault),
      }));
      town.ask(dice, 'dispute', found.id, { type: 'DecideDispute', person: 'judge', units, explanation });
    },
  ],
  overturn: [
    10,
    (town, dice) => {
      const standing = town.world.idsOf('dispute').flatMap((id) => {
        const state = town.world.stateOf('dispute', id) as Dispute;
        return state.status === 'submitted'
          ? state.verdicts.filter(({ override }) => override.is !== 'done').map((verdict) => ({ id, ...verdict }))
          : [];
      });
      const { id, verdictId, units = [], override } = pick(standing, dice) ?? {};
      if (id === undefined || verdictId === undefined) return;
      const subject = pick(people, dice) ?? 'ann';
      if (override?.is === 'proposed') {
        town.ask(dice, 'dispute', id, { type: dice(8) === 0 ? 'WithdrawOverride' : 'ApproveOverride', verdictId, subject });
        return;
      }
      const named = (dice(3) === 0 ? some(units, dice) : units).map(({ unitNo, remedy }) => ({
        unitNo,
        ...(dice(3) > 0
          ? ({ liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const)
          : ({ liable: 'PLATFORM', remedy, bearer: 'platform' } as const)),
      }));
      const isFraud = dice(3) === 0;
      town.ask(dice, 'dispute', id, { type: 'ProposeOverride', verdictId, units: named, isFraud, explanation, subject });
      if (dice(2) === 0)
        town.ask(dice, 'dispute', id, { type: 'ApproveOverride', verdictId, subject: pick(people, dice) ?? 'ann' });
    },
  ],
  // Lodged, withdrawn, ruled, or left to the clock.
  appeal: [
    4,
    (town, dice) => {
      const open = town.world.idsOf('dispute').flatMap((id) => {
        const state = town.world.stateOf('dispute', id) as Dispute;
        const verdicts = state.status === 'submitted' ? state.verdicts.filter(({ final }) => !final) : [];
        return verdicts.map((verdict) => ({ id, ...verdict }));
      });
      const waiting = open.filter(({ appeals }) => appeals.length > 0);
      const { id, verdictId, appeals } = pick(waiting.length > 0 && dice(3) > 0 ? waiting : open, dice) ?? {};
      if (id === undefined || verdictId === undefined || appeals === undefined) return;
      const by = dice(2) === 0 ? 'buyer' : 'merchant';
      if (appeals.length === 0 || dice(4) === 0)
        town.ask(dice, 'dispute', id, { type: 'LodgeAppeal', verdictId, by, subject: by });
      else if (dice(8) === 0) town.ask(dice, 'dispute', id, { type: 'WithdrawAppeal', verdictId, by, subject: by });
      else if (dice(3) > 0) {
        const units = appeals
          .flatMap(({ by: party, units: appealed }) => appealed.map((unitNo) => ({ unitNo, for: party })))
          .filter(() => dice(3) > 0)
          .map((one) => ({ ...one, ...(pick(one.for === 'buyer' ? inFavourOfBuyer : inFavourOfMerchant, dice) ?? atFault) }));
        const person = pick(people, dice) ?? 'ann';
        town.ask(dice, 'dispute', id, { type: 'RuleOnAppeal', verdictId, person, units, explanation });
      }
    },
  ],
  // Of a refund that was paid and is not recovered in full.
  overturnDebt: [
    4,
    (town, dice) => {
      const debts = merchants.flatMap((merchant) => town.account(merchant).obligations.filter(({ refundPaid }) => refundPaid));
      const { refundId: verdictId, caseId } = pick(debts, dice) ?? {};
      if (verdictId === undefined || caseId === undefined) return;
      const state = town.world.stateOf('dispute', caseId) as Dispute;
      const verdict = state.status === 'submitted' ? state.verdicts.find((one) => one.verdictId === verdictId) : undefined;
      if (!verdict) return;
      const refused = { liable: 'BUYER', remedy: 'NONE', bearer: 'none' } as const;
      const units = verdict.units.map(({ unitNo }) => ({ unitNo, ...refused }));
      const proposed = { type: 'ProposeOverride', verdictId, units, isFraud: dice(2) === 0, explanation } as const;
      town.ask(dice, 'dispute', caseId, { ...proposed, subject: 'chen' });
      town.ask(dice, 'dispute', caseId, { type: 'ApproveOverride', verdictId, subject: 'zhou' });
    },
  ],
  topUp: [
    3,
    (town, dice) => {
      town.topUp(dice, pick(merchants, dice) ?? 'm1', 1 + dice(500));
    },
  ],
  withdraw: [
    3,
    (town, dice) => {
      const merchant = pick(merchants, dice) ?? 'm1';
      const free = Number(town.account(merchant).deposit.minor) - 100;
      if (free <= 0) return;
      town.ask(dice, 'deposit', depositId(merchant), {
        type: 'RequestWithdrawal',
        payoutId: town.name('demo.w'),
        amount: fen(1 + dice(free)),
      });
      if (dice(2) === 0) return;
      town.wait(25);
      town.deadlines('deposit', depositId(merchant));
    },
  ],
  cancelWithdrawal: [
    1,
    (town, dice) => {
      const merchant = pick(merchants, dice) ?? 'm1';
      const payoutId = town.account(merchant).leaving?.payoutId;
      if (payoutId !== undefined) town.ask(dice, 'deposit', depositId(merchant), { type: 'CancelWithdrawal', payoutId });
    },
  ],
  settle: [
    4,
    (town, dice) => {
      const merchant = pick(merchants, dice) ?? 'm1';
      town.ask(dice, 'deposit', depositId(merchant), { type: 'DrawSettlement', payoutId: town.name('demo.s') });
    },
  ],
  close: [
    1,
    (town, dice) => {
      const merchant = pick(merchants, dice) ?? 'm1';
      town.ask(dice, 'deposit', depositId(merchant), { type: 'CloseAccount', payoutId: town.name('demo.x') });
    },
  ],
  comeBack: [
    3,
    (town, dice) => {
      const merchant = pick(merchants, dice) ?? 'm1';
      if (town.account(merchant).isClosed) town.agree(merchant);
    },
  ],
  writeOff: [
    6,
    (town, dice) => {
      const debts = merchants.flatMap((merchant) => town.account(merchant).obligations.map((owed) => ({ merchant, ...owed })));
      const owed = pick(
        debts.filter(({ refundPaid }) => refundPaid),
        dice,
      );
      if (!owed) return;
      const { merchant, obligationId, proposal } = owed;
      const subject = pick(people, dice) ?? 'ann';
      const id = depositId(merchant);
      if (!proposal) town.ask(dice, 'deposit', id, { type: 'ProposeWriteOff', obligationId, reason: 'gone', subject });
      if (proposal || dice(2) === 0)
        town.ask(dice, 'deposit', id, { type: 'ApproveWriteOff', obligationId, subject: pick(people, dice) ?? 'ann' });
    },
  ],
  repayDebt: [
    2,
    (town, dice) => {
      const debtId = pick(town.world.idsOf('buyerdebt'), dice);
      const { outstanding } = town.buyerDebt(debtId) ?? {};
      if (debtId === undefined || outstanding === undefined || outstanding.minor === 0n) return;
      const paid = { amount: fen(1 + dice(Number(outstanding.minor))), rail: 'sandbox', transaction: town.name('t') };
      town.ask(dice, 'buyerdebt', debtId, { type: 'RepayBuyerDebt', ...paid });
    },
  ],
  writeOffDebt: [
    1,
    (town, dice) => {
      const debtId = pick(town.world.idsOf('buyerdebt'), dice);
      const debt = town.buyerDebt(debtId);
      if (debtId === undefined || debt === undefined) return;
      const subject = pick(people, dice) ?? 'ann';
      town.ask(
        dice,
        'buyerdebt',
        debtId,
        debt.proposal ? { type: 'ApproveDebtWriteOff', subject } : { type: 'ProposeDebtWriteOff', reason: 'gone', subject },
      );
    },
  ],
  contribute: [
    3,
    (town, dice) => {
      town.contribute(dice, 1 + dice(1_200));
    },
  ],
  pause: [
    1,
    (town, dice) => {
      const word = { platform: 'demo', asset: 'CNY', reason: 'to be sure', subject: pick(people, dice) ?? 'ann' };
      town.control(dice, dice(3) === 0 ? { type: 'PauseFund', kind: 'pause', ...word } : { type: 'ResumeFund', ...word });
    },
  ],
  limit: [
    1,
    (town, dice) => {
      const word = { platform: 'demo', asset: 'CNY', reason: 'to be sure' };
      const limits = dice(2) === 0 ? {} : { dailyPerMerchant: fen(300 + dice(2_000)), lowWaterMark: fen(dice(500)) };
      town.control(dice, { type: 'ProposeFundLimits', ...word, ...limits, subject: 'chen' });
      const { version } = town.world.stateOf('fundcontrol', fundId) as { version: number };
      town.control(dice, { type: 'ApproveFundLimits', version, subject: 'zhou' });
    },
  ],
  lift: [
    1,
    (town, dice) => {
      const aside = town.fund()?.aside.keys() ?? [];
      const number = pick(aside, dice);
      const refundId = number === undefined ? undefined : town.fund()?.waiting.get(number)?.wanted.refundId;
      const word = { platform: 'demo', asset: 'CNY', reason: 'looked at it', subject: 'ann' };
      if (refundId !== undefined) town.control(dice, { type: 'LiftFundHold', refundId, ...word });
    },
  ],
  wait: [
    3,
    (town, dice) => {
      town.wait([1, 2, 10, 30][dice(4)] ?? 1);
    },
  ],
  longWait: [
    1,
    (town, dice) => {
      town.wait(100 + dice(300));
    },
  ],
  deadline: [
    6,
    (town, dice) => {
      const category = (['order', 'dispute', 'deposit', 'fundcontrol'] as const)[dice(4)] ?? 'order';
      const id = pick(town.world.idsOf(category), dice);
      if (id !== undefined) town.deadlines(category, id);
    },
  ],
  pay: [
    14,
    (town, dice) => {
      const payoutId = pick(town.payouts('ready', 'live', 'succeeded'), dice);
      for (let steps = 1 + dice(3); payoutId !== undefined && steps > 0; steps -= 1) town.rail.step(payoutId, dice);
    },
  ],
  payAll: [
    6,
    async (town, dice) => {
      await caughtUp(town);
      for (const payoutId of town.payouts('ready', 'live')) while (town.rail.step(payoutId, dice, true));
      await caughtUp(town);
    },
  ],
  settleTransfer: [
    6,
    (town, dice) => {
      const key = pick(town.rail.keysIn('Pending'), dice);
      if (key !== undefined) town.rail.settle(key, dice);
    },
  ],
  bounce: [
    2,
    async (town, dice) => {
      const key = pick(town.rail.keysIn('Succeeded'), dice);
      if (key === undefined) return;
      const payoutId = town.rail.payoutOf(key);
      const isDraw = town.isDraw(payoutId);
      town.rail.bounce(key);
      if (!isDraw) return;
      town.rail.step(payoutId, dice);
      await caughtUp(town);
    },
  ],
  sayAgain: [
    1,
    (town, dice) => {
      const payoutId = pick(town.payouts('succeeded', 'ready', 'live'), dice);
      if (payoutId !== undefined) town.rail.sayAgain(payoutId, 1 + dice(2));
    },
  ],
  approvePayout: [
    3,
    (town, dice) => {
      const payoutId = pick(town.payouts('waiting'), dice);
      if (payoutId !== undefined)
        town.ask(dice, 'payout', payoutId, { type: 'ApprovePayout', subject: pick(people, dice) ?? 'ann' });
    },
  ],
  // A refund is cancelled by its verdict's end alone.
  cancelDraw: [
    1,
    async (town, dice) => {
      const payoutId = pick(
        town.payouts('waiting', 'ready', 'live', 'unclaimed').filter((id) => town.isDraw(id)),
        dice,
      );
      if (payoutId === undefined) return;
      const { requested, reversed, status } = town.payout(payoutId);
      const { platform, purpose } = requested;
      const command = { type: 'CancelPayout', payoutId, platform, purpose, subject: 'ann', reason: 'wrong' } as const;
      if (reversed.size === 0) town.ask(dice, 'payout', payoutId, command);
      else if (status !== 'live') {
        town.world.send('payout', payoutId, command, 'ann');
        await caughtUp(town);
      }
    },
  ],
  newDestination: [
    2,
    (town, dice) => {
      const payoutId = pick(town.payouts('unclaimed'), dice);
      if (payoutId !== undefined)
        town.ask(dice, 'payout', payoutId, { type: 'ChangeDestination', payee: town.name('vault:new') });
    },
  ],
  land: [
    6,
    (town, dice) => {
      town.landOne(dice);
    },
  ],
  resend: [
    2,
    (town, dice) => {
      town.resend(dice);
    },
  ],
  react: [
    40,
    async ({ world }, dice) => {
      const lane = pick(world.waitingLanes(), dice);
      if (lane) await world.handle(lane, 1 + dice(4), dice(8) === 0 ? dice(2) : undefined);
    },
  ],
  reactToAll: [
    14,
    async (town) => {
      await caughtUp(town);
    },
  ],
  park: [
    4,
    ({ world }, dice) => {
      world.park(dice(10_000));
    },
  ],
  replay: [
    6,
    ({ world }) => {
      world.replayAll();
    },
  ],
  stopFund: [
    2,
    (town) => {
      town.isFundStopped = !town.isFundStopped;
    },
  ],
  reactAgain: [
    3,
    ({ world }, dice) => {
      world.handleAgain(dice(1_000), 1 + dice(5));
    },
  ],
  fund: [
    14,
    ({ world }, dice) => {
      world.takeInputs(1 + dice(5), 1 + dice(6), dice(5) === 0);
    },
  ],
};

const maxRounds = 10_000;

/** Every process and the fund stand at the head of the log, as far as nobody stopped them. @throws Broken by what they do, and Error when they never get there */
export async function caughtUp({ world, isFundStopped }: Town): Promise<void> {
  for (let round = 0; round < maxRounds; round += 1) {
    const before = world.log.length;
    const lanes = world.waitingLanes();
    const fundWaits = world.fundWaits && !isFundStopped;
    if (lanes.length === 0 && !fundWaits) return;
    for (const lane of lanes) await world.handle(lane, 100);
    if (fundWaits) world.takeInputs(100, 100, false);
    // What is left waits for a lane that is parked.
    if (!fundWaits && world.log.length === before && world.waitingLanes().length === lanes.length) return;
  }
  throw new Error('the processes never come to rest');
}
