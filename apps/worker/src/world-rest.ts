import type { Order } from '@recourse/orders';
import { type DomainEvent, findAccount } from '@recourse/ledger';
import type { EventOf } from '@recourse/eventing';
import { caughtUp, merchants, type Town } from './world-acts.js';
import { paymentsOf } from './world-rail.js';
import { Broken } from './world.js';

const never = () => 1;
const maxRounds = 500;
/** More hours than any deadline of a world, seven days of appeal included, in strides. */
const strides = 8;
const strideHours = 50;

/** The rail pays, people answer, and nobody begins anything new, until nothing moves any more. */
async function quiet(town: Town): Promise<void> {
  const { world, rail } = town;
  for (let round = 0; round < maxRounds; round += 1) {
    const before = world.log.length;
    await caughtUp(town);
    for (const payoutId of town.payouts('ready', 'live', 'succeeded')) rail.step(payoutId, never, true);
    for (const payoutId of town.payouts('unclaimed'))
      world.send('payout', payoutId, { type: 'ChangeDestination', payee: town.name('vault:good') }, 'shop');
    for (const payoutId of town.payouts('waiting'))
      for (const subject of ['chen', 'zhou']) world.send('payout', payoutId, { type: 'ApprovePayout', subject }, subject);
    if (world.log.length === before) return;
  }
  throw new Broken('it never comes to rest');
}

/** Those that wait to be approved, whoever proposed them. */
function approveLimits({ world }: Town): void {
  const { version } = world.stateOf('fundcontrol', 'demo.CNY') as { version: number };
  world.send('fundcontrol', 'demo.CNY', { type: 'ApproveFundLimits', version, subject: 'bo' }, 'bo');
}

/** Everything that was begun ends: the fund has money and no limits and goes on, no order is frozen, every deadline passes. */
export async function comeToRest(town: Town): Promise<void> {
  const { world } = town;
  town.landAll();
  town.isFundStopped = false;
  world.replayAll();
  const word = { platform: 'demo', asset: 'CNY', reason: 'over' };
  for (const subject of ['chen', 'zhou'])
    world.send('fundcontrol', 'demo.CNY', { type: 'ResumeFund', ...word, subject }, subject);
  // A limit lets one refund of a merchant through each day, which may take longer than a world.
  approveLimits(town);
  world.send('fundcontrol', 'demo.CNY', { type: 'ProposeFundLimits', ...word, subject: 'chen' }, 'chen');
  approveLimits(town);
  for (const id of world.idsOf('order'))
    world.send('order', id, { type: 'UnfreezeOrder', scope: 'order', reason: 'over' }, 'ann');
  town.contribute(never, 10_000_000);
  for (let stride = 0; stride < strides; stride += 1) {
    await quiet(town);
    town.wait(strideHours);
    for (const category of ['order', 'dispute', 'deposit', 'fundcontrol'] as const)
      for (const id of world.idsOf(category)) town.deadlines(category, id);
  }
  await quiet(town);
}

/** The merchants pay what they owe, also those who had left, and so do the buyers who deceived. */
export async function everybodyPays(town: Town): Promise<void> {
  for (const merchant of merchants) {
    if (town.account(merchant).isClosed) town.agree(merchant);
    town.topUp(never, merchant, 10_000_000);
  }
  for (const debtId of town.world.idsOf('buyerdebt')) {
    const { outstanding } = town.buyerDebt(debtId) ?? {};
    const paid = { rail: 'sandbox', transaction: town.name('t') };
    if (outstanding && outstanding.minor > 0n)
      town.world.send('buyerdebt', debtId, { type: 'RepayBuyerDebt', amount: outstanding, ...paid }, 'finance');
  }
  await quiet(town);
}

/** What must be so when a world is at rest, each fault in a sentence. */
export function faultsAtRest(town: Town): readonly string[] {
  const { world } = town;
  return [
    ...(world.waitingLanes().length > 0 || world.fundWaits ? ['a process or the fund has not handled everything'] : []),
    ...((town.fund()?.waiting.size ?? 0) > 0 ? ['refunds wait for the fund, which has money'] : []),
    ...((town.fund()?.handedOver.size ?? 0) > 0 ? ['the fund still waits for the word of a deposit'] : []),
    ...town.payouts('waiting', 'ready', 'live', 'unclaimed').map((id) => `payout ${id} is not over`),
    ...unpaidRefunds(town),
    ...deafToOverrides(town),
    ...deafToAppeals(town),
    ...merchants.flatMap((merchant) => idleMoney(town, merchant)),
    ...[...world.books.rows()].flatMap(({ account, balance }) => {
      const { kind } = findAccount(account) ?? {};
      const isEmpty = kind === 'refund' || kind === 'outgoing' || kind === 'settling';
      return isEmpty ? [`${account} still has ${balance.minor}`] : [];
    }),
    ...stuckEscrow(town),
  ];
}

const eventsIn = <Type extends DomainEvent['type']>(log: Town['world']['log'], ...types: readonly Type[]) =>
  log.filter(({ type }) => (types as readonly string[]).includes(type)) as unknown as readonly EventOf<DomainEvent, Type>[];

/** Approved, or come in beyond the price, and not revoked: paid once in the end, unless it came back when it was owed no more. */
function unpaidRefunds({ world: { log } }: Town): readonly string[] {
  const paid = paymentsOf(eventsIn(log, 'PayoutSucceeded', 'PayoutReversed'));
  const revoked = new Set(eventsIn(log, 'RefundRevoked').map(({ data }) => data.refundId));
  const returned = new Set(eventsIn(log, 'PayoutReturned').map(({ data }) => data.payoutId));
  return eventsIn(log, 'RefundApproved', 'SurplusCaptured').flatMap(({ data: { refundId } }) => {
    const wanted = revoked.has(refundId) || returned.has(refundId) ? 0 : 1;
    const found = paid.get(refundId) ?? 0;
    return found === wanted ? [] : [`refund ${refundId} was paid ${found} times instead of ${wanted}`];
  });
}

/** An overturned verdict changes its refund, and the buyer who deceived owes what he was paid. */
function deafToOverrides({ world: { log } }: Town): readonly string[] {
  const idsOf = (type: 'RefundApproved' | 'RefundRevoked' | 'RefundOverturned' | 'BuyerFraudEstablished') =>
    new Set(eventsIn(log, type).map(({ data }) => data.refundId));
  const [approved, revoked, overturned, found] = [
    idsOf('RefundApproved'),
    idsOf('RefundRevoked'),
    idsOf('RefundOverturned'),
    idsOf('BuyerFraudEstablished'),
  ];
  return [
    ...eventsIn(log, 'VerdictOverturned').flatMap(({ data: { verdictId } }) =>
      approved.has(verdictId) && !revoked.has(verdictId) && !overturned.has(verdictId)
        ? [`${verdictId} goes on although it was overturned`]
        : [],
    ),
    ...eventsIn(log, 'RefundOverturned').flatMap(({ data: { refundId, buyerOwes } }) =>
      buyerOwes !== undefined && !found.has(refundId) ? [`${refundId} was got by deceit and nobody owes it`] : [],
    ),
  ];
}

/** Every appeal has its answer, and what a ruling gives is approved. */
function deafToAppeals({ world: { log } }: Town): readonly string[] {
  const answered = new Set([
    ...eventsIn(log, 'AppealRuled').flatMap(({ data }) => data.appeals),
    ...eventsIn(log, 'AppealWithdrawn').map(({ data }) => data.appealId),
  ]);
  const approved = new Set(eventsIn(log, 'RefundApproved').map(({ data }) => data.refundId));
  // A later claim on the rest may have been quicker: it refunded that, or its key is with the buyer.
  const isServed = (orderId: string, unitNo: number): boolean => {
    const price = eventsIn(log, 'OrderPlaced')
      .filter(({ data }) => data.orderId === orderId)
      .flatMap(({ data }) => data.units)
      .find((unit) => unit.unitNo === unitNo)?.price.minor;
    const refunded = eventsIn(log, 'RefundApproved')
      .filter(({ data }) => data.orderId === orderId)
      .flatMap(({ data }) => data.lines)
      .filter((line) => line.unitNo === unitNo)
      .reduce((sum, { amount }) => sum + amount.minor, 0n);
    const isReplaced = eventsIn(log, 'ReplacementDelivered').some(
      ({ data }) => data.orderId === orderId && data.unitNo === unitNo,
    );
    return isReplaced || (price !== undefined && refunded >= price);
  };
  return [
    ...eventsIn(log, 'AppealLodged').flatMap(({ data: { appealId } }) =>
      answered.has(appealId) ? [] : [`nobody answers the appeal ${appealId}`],
    ),
    ...eventsIn(log, 'VerdictReached').flatMap(({ data: { verdictId, appealOf, orderId, units } }) =>
      appealOf === undefined || approved.has(verdictId) || units.every(({ unitNo }) => isServed(orderId, unitNo))
        ? []
        : [`${verdictId} was given on appeal and is not refunded`],
    ),
  ];
}

/**
 * What each merchant bears when everybody has paid: his share of the refunds that stand, and nothing of those that were revoked or
 * overturned, to the fen.
 */
export function wrongBurdens({ world: { log } }: Town): readonly string[] {
  const borne = new Map<string, bigint>();
  const bear = (refundId: string, minor: bigint) => borne.set(refundId, (borne.get(refundId) ?? 0n) + minor);
  for (const { data } of eventsIn(log, 'RefundApproved')) bear(data.refundId, -data.merchantShare.minor);
  for (const { data } of eventsIn(log, 'RefundRevoked')) bear(data.refundId, data.merchantShare.minor);
  for (const { data } of eventsIn(log, 'RefundOverturned')) bear(data.refundId, data.recourse.minor + data.escrowLoss.minor);
  for (const { data } of eventsIn(log, 'DepositDebited', 'PayableDebited')) bear(data.refundId, data.amount.minor);
  for (const { data } of eventsIn(log, 'RefundFundedFromDeposit'))
    bear(data.refundId, data.fromHeld.minor + data.fromDeposit.minor);
  for (const { data } of eventsIn(log, 'DepositFundingRevoked')) bear(data.refundId, -data.toDeposit.minor);
  for (const { data } of eventsIn(log, 'CompensationCredited')) bear(data.refundId, -data.amount.minor);
  return [...borne].flatMap(([refundId, minor]) => (minor === 0n ? [] : [`the merchant bears ${minor} too much of ${refundId}`]));
}

/** A merchant's money does not lie idle while he owes, nor is it kept back for nothing. */
function idleMoney(town: Town, merchant: string): readonly string[] {
  const { deposit, payable, held, obligations, cases, leaving } = town.account(merchant);
  const owes = obligations.length > 0;
  return [
    ...obligations
      .filter(({ refundPaid }) => !refundPaid)
      .map(({ refundId }) => `${refundId} is paid and ${merchant} does not know`),
    ...(owes && deposit.minor + payable.minor > 0n ? [`${merchant} owes and has ${deposit.minor} and ${payable.minor}`] : []),
    ...(held.minor > 0n ? [`${held.minor} of ${merchant} is held for nothing`] : []),
    ...(cases.size > 0 ? [`${merchant} has cases open for ever`] : []),
    ...(leaving && !owes ? [`${leaving.payoutId} of ${merchant} waits for nothing`] : []),
  ];
}

/** Only a unit that the platform failed to deliver waits for its buyer's word. */
function stuckEscrow({ world }: Town): readonly string[] {
  return world.idsOf('order').flatMap((id) => {
    const state = world.stateOf('order', id) as Order;
    if (state.status !== 'paid') return [];
    return [...state.units.values()].flatMap(({ unitNo, escrow, price, refundedFromEscrow, released, platformFailure }) =>
      escrow === 'held' && !platformFailure && refundedFromEscrow.minor + released.minor < price.minor
        ? [`unit ${unitNo} of ${id} is held for ever`]
        : [],
    );
  });
}

/** Where a merchant who paid everything still owes, or the fund is still out of money for somebody. */
export function debtsLeft(town: Town): readonly string[] {
  return [...town.world.books.rows()].flatMap(({ account, balance }) => {
    const { kind } = findAccount(account) ?? {};
    return kind === 'recourse' || kind === 'advanced' || kind === 'owed' ? [`${account} still has ${balance.minor}`] : [];
  });
}
