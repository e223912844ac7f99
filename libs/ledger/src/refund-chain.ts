import { categoryOf, type Actor, type Instant, type Recorded } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { formatAccount, parseAccount, type AccountKind } from './accounts.js';
import { eventName, type EventName } from './event-names.js';
import { postingsOf, type DomainEvent, type Posting } from './posting.js';

/** An event of a refund's chain, without anything that is a key or a person's. */
export interface ChainStep {
  readonly position: bigint;
  readonly event: DomainEvent['type'];
  readonly name: EventName;
  /** `revision@stream` */
  readonly place: string;
  readonly recordedAt: Instant;
  readonly effectiveAt: Instant;
  readonly actor: Actor;
  /** The event that led to it: `revision@stream` of one of this chain, else its id. */
  readonly because?: string;
  /** What it says, by the names it uses itself; amounts apart. */
  readonly facts: Readonly<Record<string, string>>;
  readonly amounts: Readonly<Record<string, Money>>;
  /** Why, in the words of the rule that decided. */
  readonly explanation?: EventName;
  /** Events and pieces of evidence that a decision rests on. */
  readonly evidence: readonly string[];
  readonly postings: readonly Posting[];
}

/** What is not over yet, with the amount it is about. */
export interface OpenMatter extends EventName {
  readonly matter: 'funding' | 'payout' | 'recourse' | 'reimbursement' | 'compensation' | 'debt' | 'hold';
  readonly amount: Money;
}

export interface RefundStory {
  readonly refundId: string;
  readonly orderId: string;
  readonly steps: readonly ChainStep[];
  /** All from the postings of the chain. */
  readonly totals: {
    readonly approved: Money;
    readonly funded: Money;
    readonly paid: Money;
    readonly recourse: Money;
    readonly recovered: Money;
    readonly reimbursed: Money;
    /** Paid to the merchant, since the verdict was overturned. */
    readonly compensated: Money;
  };
  readonly open: readonly OpenMatter[];
}

type Data = Readonly<Record<string, unknown>>;
type Listed = readonly unknown[];

/**
 * Finds the events of one refund in the log: those of its order and units, of its case, of its payout, and what fund and
 * merchant's account say of them. Only names are compared, so events that were thought of later belong to it as well.
 */
export class RefundChain {
  readonly #units: ReadonlySet<number>;
  readonly #case: string | undefined;
  readonly #orderId: string;
  readonly #approved: Money;
  readonly #steps: ChainStep[] = [];
  /** `revision@stream` of the chain's events, by their ids. */
  readonly #places = new Map<string, string>();

  /** @param approval the first event of the order that names the refund */
  constructor(
    readonly refundId: string,
    approval: Recorded<DomainEvent>,
  ) {
    const data: Data = { ...approval.data };
    const ground = partOf(data['ground']);
    this.#orderId = String(data['orderId']);
    this.#case = textOf(data['caseId']) ?? textOf(ground['disputeId']);
    this.#units = new Set(unitsIn(data));
    this.#approved = amountIn(data['total']) ?? amountIn(data['amount']) ?? money(0n);
  }

  /** Events in the order of the log. */
  take(event: Recorded<DomainEvent>): void {
    if (!this.#concerns(event)) return;
    const { causationId } = event.metadata;
    const because = causationId === undefined ? undefined : (this.#places.get(causationId) ?? `event ${causationId}`);
    const step = stepOf(event, because);
    this.#places.set(event.id, step.place);
    this.#steps.push(step);
  }

  story(): RefundStory {
    const sums = new Sums(
      this.#approved.asset,
      this.#steps.flatMap(({ postings }) => postings),
    );
    const refund = formatAccount({
      platform: this.#orderId.slice(0, this.#orderId.indexOf('.')),
      kind: 'refund',
      owner: this.refundId,
    });
    // What a revoked refund was funded with went back where it came from, and what was returned to the fund.
    const funded =
      sums.credited(refund, (counter) => counter !== 'gateway') - sums.debited(refund, (counter) => counter !== 'gateway');
    const isOver = this.#steps.some(({ event }) => event === 'RefundRevoked' || event === 'PayoutReturned');
    const owed = sums.standing(refund);
    const paid =
      sums.debited(refund, (counter) => counter === 'gateway') - sums.credited(refund, (counter) => counter === 'gateway');
    const outstanding = -sums.ofKind('recourse');
    const advanced = sums.ofKind('advanced');
    const recourse = sums.between('recourse', 'advanced');
    // What the fund gets back from a buyer who deceived is not the merchant's doing.
    const ofBuyer = new Sums(
      this.#approved.asset,
      this.#steps.filter(({ event }) => ofBuyersDebt.has(event)).flatMap(({ postings }) => postings),
    );
    const reimbursed = sums.between('advanced', 'available') - ofBuyer.between('advanced', 'available');
    const compensated = sums.between('available', 'settling');
    const claimed = this.#steps.find(({ event }) => event === 'CompensationClaimed')?.amounts['amount']?.minor ?? 0n;
    const amount = (minor: bigint) => money(minor, this.#approved.asset);
    const matters: readonly (readonly [OpenMatter['matter'], bigint, string, string])[] = [
      ['funding', funded === 0n && !isOver ? this.#approved.minor : 0n, '等待出资', 'waits to be funded'],
      ['payout', owed, '尚未付给买家', 'not paid to the buyer yet'],
      ['recourse', outstanding, '商户尚欠', 'still owed by the merchant'],
      [
        'reimbursement',
        advanced - ofBuyer.ofKind('advanced') - outstanding,
        '已追回，尚未还给基金',
        'recovered, not yet back in the fund',
      ],
      ['debt', -sums.ofKind('owed'), '买家尚欠', 'still owed by the buyer'],
      ['compensation', claimed - compensated, '待补偿商户', 'to be paid to the merchant by the fund'],
      ['hold', sums.ofKind('held'), '仍冻结的保证金', 'of the deposit still on hold'],
    ];
    return {
      refundId: this.refundId,
      orderId: this.#orderId,
      steps: this.#steps,
      totals: {
        approved: this.#approved,
        funded: amount(funded),
        paid: amount(paid),
        recourse: amount(recourse),
        recovered: amount(recourse - outstanding),
        reimbursed: amount(reimbursed),
        compensated: amount(compensated),
      },
      open: matters.flatMap(([matter, minor, zh, en]) => (minor > 0n ? [{ matter, amount: amount(minor), zh, en }] : [])),
    };
  }

  #concerns({ stream, data: whole }: Recorded<DomainEvent>): boolean {
    const data: Data = { ...whole };
    const parts = [data, partOf(data['for']), partOf(data['purpose'])];
    const named = (...keys: string[]): readonly string[] =>
      keys.flatMap((key) => parts.map((part) => textOf(part[key]))).filter((text) => text !== undefined);
    const refunds = named('refundId', 'obligationId', 'verdictId');
    if (refunds.includes(this.refundId)) return true;
    const id = stream.slice(stream.indexOf('-') + 1);
    if (categoryOf(stream) === 'payout' && id === this.refundId) return true;
    // What names another refund is that one's, and another verdict of the case if it is of other units.
    const cases = named('caseId', 'disputeId', 'claimId');
    const isOfCase = this.#case !== undefined && cases.includes(this.#case);
    const isOfOrder = named('orderId').includes(this.#orderId);
    if (!(isOfCase || isOfOrder) || named('refundId', 'obligationId').length > 0) return false;
    const units = unitsIn(data);
    return units.length === 0 || this.#units.size === 0 || units.some((unit) => this.#units.has(unit));
  }
}

const ofBuyersDebt: ReadonlySet<DomainEvent['type']> = new Set(['BuyerFraudEstablished', 'FraudRepaid', 'BuyerDebtWrittenOff']);

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const partOf = (value: unknown): Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : {};
const listOf = (value: unknown): Listed => (Array.isArray(value) ? value : []);
const amountIn = (value: unknown): Money | undefined => {
  const { asset, minor } = partOf(value);
  return typeof asset === 'string' && typeof minor === 'bigint' ? { asset, minor } : undefined;
};

/** Numbers of the units that an event names. */
export function unitsIn(data: Data): number[] {
  const items = [data['unitNo'], ...listOf(data['units']), ...listOf(data['lines']), ...listOf(data['results'])];
  return items
    .flatMap((item) => (typeof item === 'number' ? [item] : [partOf(item)['unitNo']]))
    .filter((item) => typeof item === 'number');
}

/** What a step may show as it is. What is not listed here is never shown: keys, evidence, payees. */
const shownFacts = [
  'rule',
  'decidedBy',
  'person',
  'reason',
  'outcome',
  'answer',
  'because',
  'channel',
  'by',
  'incident',
  'source',
  'settlement',
  'rail',
  'transaction',
  'railTransferId',
  'transferNo',
  'failure',
  'why',
  'code',
  'obligationId',
  'isFraud',
  'proposedBy',
  'approvedBy',
  'differenceId',
  'evidenceId',
  'until',
  'appealUntil',
  'complaintId',
  'answerBy',
] as const;
const shownOfUnits = ['liable', 'remedy', 'bearer', 'source', 'outcome'] as const;

/** What an event says that may be shown. @param because the place, or the id, of the event that led to it */
export function stepOf(event: Recorded<DomainEvent>, because: string | undefined): ChainStep {
  const { metadata, position, type, stream, revision } = event;
  const data: Data = { ...event.data };
  const facts: Record<string, string> = {};
  const show = (name: string, value: unknown) => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') facts[name] = String(value);
  };
  for (const name of shownFacts) show(name, data[name]);
  const ground = partOf(data['ground']);
  show('ground', ground['kind']);
  show('rule', ground['rule']);
  // Only a transfer's key is not what somebody bought.
  if ('transferNo' in data) show('transferKey', data['key']);
  if (type === 'EvidenceSubmitted') show('kind', data['kind']);
  const units = unitsIn(data);
  if (units.length > 0) facts['units'] = units.join(', ');
  for (const item of [...listOf(data['units']), ...listOf(data['lines']), ...listOf(data['results'])].map(partOf))
    for (const name of shownOfUnits) show(`unit ${String(item['unitNo'])} ${name}`, item[name]);
  const policy = partOf(data['policy']);
  if (textOf(policy['id']) !== undefined)
    facts['policy'] = `${String(policy['id'])} v${String(policy['version'])} ${String(policy['hash'])}`;
  const basis = listOf(data['basis']).filter((item) => typeof item === 'string');
  if (basis.length > 0) facts['basis'] = basis.join(', ');
  const { zh, en } = partOf(data['explanation']);
  return {
    position,
    event: type,
    name: eventName(type),
    place: `${revision}@${stream}`,
    recordedAt: metadata.recordedAt,
    effectiveAt: metadata.effectiveAt,
    actor: metadata.actor,
    ...(because === undefined ? {} : { because }),
    facts,
    amounts: Object.fromEntries(
      Object.entries(data).flatMap(([name, value]) => {
        const amount = amountIn(value);
        return amount === undefined || amount.minor === 0n ? [] : [[name, amount]];
      }),
    ),
    ...(typeof zh === 'string' && typeof en === 'string' ? { explanation: { zh, en } } : {}),
    evidence: evidenceOf(data),
    postings: postingsOf(event),
  };
}

/** References only: the events that facts were taken from, and the ids of what was sent in. */
function evidenceOf(data: Data): readonly string[] {
  const ofUnits = listOf(data['units'])
    .map(partOf)
    .flatMap((unit) => [
      ...listOf(unit['evidence']),
      ...listOf(unit['sources']).flatMap((source) => listOf(partOf(source)['from'])),
    ]);
  return [...new Set(ofUnits.filter((item) => typeof item === 'string'))];
}

/** What the chain's own postings add up to, in minor units of one asset. */
class Sums {
  readonly #postings: readonly (Posting & { readonly from: AccountKind; readonly into: AccountKind })[];

  constructor(asset: string, postings: readonly Posting[]) {
    this.#postings = postings
      .filter(({ amount }) => amount.asset === asset)
      .map((posting) => ({ ...posting, from: parseAccount(posting.debit).kind, into: parseAccount(posting.credit).kind }));
  }

  /** Credits − debits of an account. */
  standing(account: string): bigint {
    return this.credited(account, () => true) - this.debited(account, () => true);
  }
  credited(account: string, of: (counter: AccountKind) => boolean): bigint {
    return this.#sum((posting) => posting.credit === account && of(posting.from));
  }
  debited(account: string, of: (counter: AccountKind) => boolean): bigint {
    return this.#sum((posting) => posting.debit === account && of(posting.into));
  }
  /** Credits − debits of all accounts of a kind. */
  ofKind(kind: AccountKind): bigint {
    return this.#sum(({ into }) => into === kind) - this.#sum(({ from }) => from === kind);
  }
  /** Debited to one kind and credited to the other, less what went the other way. */
  between(debit: AccountKind, credit: AccountKind): bigint {
    return (
      this.#sum(({ from, into }) => from === debit && into === credit) -
      this.#sum(({ from, into }) => from === credit && into === debit)
    );
  }

  #sum(of: (posting: Posting & { readonly from: AccountKind; readonly into: AccountKind }) => boolean): bigint {
    return this.#postings.filter(of).reduce((total, { amount }) => total + amount.minor, 0n);
  }
}
