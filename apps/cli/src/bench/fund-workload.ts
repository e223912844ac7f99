import { eventsOf, streamOf, systemActor, type Event, type Instant, type Metadata } from '@recourse/eventing';
import { fund, fundProcessor, type FundInput } from '@recourse/compensation';
import { money, subtract, type Money } from '@recourse/money';

const event = eventsOf<FundInput>();

const at: Instant = '2026-03-01T08:00:00.000Z';
const price = money(5_000n);
const fee = money(250n);
const fromFund = subtract(price, fee);
const none = money(0n);
const appendInputs = 100;

/** A fund of its own with money for exactly so many refunds, and what asks for them. */
export interface HotFund {
  /** Its periods are streams that begin so. */
  readonly name: string;
  readonly contributionId: string;
  readonly contributed: Money;
  readonly fromFund: Money;
  readonly contribution: AppendOfInputs;
  /** In the order of their approvals in the log. */
  readonly refundIds: readonly string[];
  /** The approvals, packed: how they came into the log is not what is measured. */
  readonly approvals: readonly AppendOfInputs[];
  /** The same, each from an order of its own. */
  readonly ownApprovals: readonly AppendOfInputs[];
}

export interface AppendOfInputs {
  readonly stream: string;
  readonly events: readonly Event[];
  readonly metadata: readonly Metadata[];
}

export function hotFund(name: string, refunds: number): HotFund {
  const platform = name;
  const contributed = money(fromFund.minor * BigInt(refunds));
  const refundIds = Array.from({ length: refunds }, (_, no) => `${platform}.B${no + 1}.1.v1`);
  const events = refundIds.map((refundId, no) => approvalOf(platform, refundId, no));
  const contributionId = `${platform}-contribution`;
  const contribution = event('ContributionApproved', {
    contributionId,
    platform,
    amount: contributed,
    rail: 'sandbox',
    transaction: contributionId,
    proposedBy: 'finance-f1',
    approvedBy: 'finance-f2',
    approvedAt: at,
  });
  const route = fundProcessor.route({ ...contribution, ...place, metadata: metadataOf(platform, contributionId) });
  if (route === undefined) throw new Error('a contribution does not reach the fund');
  const packs = Array.from({ length: Math.ceil(refunds / appendInputs) }, (_, pack) => pack * appendInputs);
  return {
    name: streamOf(fund.category, route.id),
    contributionId,
    contributed,
    fromFund,
    refundIds,
    contribution: appendOf(platform, `contribution-${contributionId}`, contributionId, [contribution]),
    approvals: packs.map((from) =>
      appendOf(platform, `order-${platform}.pack${from}`, `${platform}:${from}`, events.slice(from, from + appendInputs)),
    ),
    ownApprovals: events.map((one, no) => appendOf(platform, `order-${one.data.orderId}`, `${platform}:own${no}`, [one])),
  };
}

const place = { id: '', stream: '', revision: 0n, position: 0n };

const metadataOf = (platform: string, commandId: string): Metadata => ({
  commandId,
  correlationId: '7f1c2a34-9b5d-4e6f-8a70-1b2c3d4e5f60',
  causationId: '0d9f7b52-6f0e-4a53-9c11-5a7b8c9d0e1f',
  actor: systemActor('bench', platform),
  schemaVersion: 1,
  recordedAt: at,
  effectiveAt: at,
});

const appendOf = (platform: string, stream: string, commandId: string, events: readonly FundInput[]): AppendOfInputs => ({
  stream,
  events,
  metadata: events.map(() => metadataOf(platform, commandId)),
});

/** One dead key after the escrow was released: the fund pays, the platform gives its fee back, the merchant owes the rest. */
function approvalOf(platform: string, refundId: string, no: number) {
  const orderId = `${platform}.B${no + 1}`;
  return event('RefundApproved', {
    platform,
    merchant: `merchant-${no % 97}`,
    buyer: `buyer-${no % 1_009}`,
    payee: 'person-fb83da3a51830ce983c4d959e1139df6',
    rail: 'sandbox',
    refundId,
    orderId,
    ground: { kind: 'verdict', disputeId: `${orderId}.1`, verdictId: refundId, rule: 'dead-unit' },
    lines: [
      {
        unitNo: 1,
        liable: 'MERCHANT',
        source: 'fund',
        amount: price,
        merchantShare: fromFund,
        fromFees: fee,
        fromFund,
        fromEscrow: none,
      },
    ],
    total: price,
    fromEscrow: none,
    fromFund,
    fromFees: fee,
    merchantShare: fromFund,
    approvedAt: at,
  });
}
