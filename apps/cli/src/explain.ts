import type { Instant } from '@recourse/eventing';
import { maxLoadedEvents, openEventStore, type EventStore } from '@recourse/eventstore';
import { RefundChain, type ChainStep, type DomainEvent, type EventName, type RefundStory } from '@recourse/ledger';
import { format, isZero, toJson, type Money } from '@recourse/money';
import { catalogue } from '@recourse/nest';
import { Progress } from './progress.js';
import { storesOf } from './verify-installation.js';

export type Language = 'zh' | 'en' | 'both';
export interface ExplainOptions {
  readonly dataDir: string;
  readonly refundId: string;
  readonly lang: Language;
  readonly json: boolean;
}

const progressEvery = 1_000;

/**
 * Reads the log from the order on: in memory are the events of this refund only.
 * @throws Error when no such refund was ever approved, StoreUnavailable, UnknownEventType
 */
export async function explainRefund(
  eventStore: Pick<EventStore, 'readStream' | 'readAll' | 'lastPosition'>,
  refundId: string,
  onProgress?: (position: bigint, head: bigint) => void,
): Promise<RefundStory> {
  // The id of whatever belongs to an order begins with the order's: platform and number.
  const orderId = refundId.split('.').slice(0, 2).join('.');
  const order = await eventStore.readStream<DomainEvent>(`order-${orderId}`, { limit: maxLoadedEvents });
  const approval = order.find(({ data }) => 'refundId' in data && data.refundId === refundId);
  const [first] = order;
  if (approval === undefined || first === undefined) throw new Error(`no refund ${refundId} was ever approved`);
  const chain = new RefundChain(refundId, approval);
  const head = await eventStore.lastPosition();
  let events = 0;
  chain.take(first);
  for await (const event of eventStore.readAll<DomainEvent>({ after: first.position })) {
    // A read that is left before its end keeps the connection from closing.
    if (event.position > head) continue;
    chain.take(event);
    events += 1;
    if (events % progressEvery === 0) onProgress?.(event.position, head);
  }
  return chain.story();
}

export interface ExplainSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
}

/** `recourse explain refund`: beside a running installation, of one at rest, or of the stores that the environment names. */
export async function runExplain(options: ExplainOptions, { environment, say }: ExplainSurroundings): Promise<number> {
  const stores = await storesOf(options.dataDir, environment);
  const eventStore = openEventStore({ connectionString: stores.eventStoreUrl, catalogue, log: () => undefined });
  const progress = new Progress('reading the log:');
  try {
    const story = await explainRefund(eventStore, options.refundId, (position, head) =>
      progress.show(Number(position), Number(head)),
    );
    progress.clear();
    if (options.json) say(JSON.stringify(story, plain, 2));
    else for (const line of linesOf(story, options.lang)) say(line);
    return 0;
  } finally {
    progress.clear();
    await eventStore.close();
    await stores.stop();
  }
}

/** Positions as text, amounts as everywhere. */
export function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  const isMoney = typeof value === 'object' && value !== null && 'minor' in value && typeof value.minor === 'bigint';
  return isMoney ? toJson(value as Money) : value;
}

export const amountOf = (amount: Money): string => `${format(amount)} ${amount.asset}`;

export function linesOf({ refundId, orderId, steps, totals, open }: RefundStory, lang: Language): string[] {
  const say = ({ zh, en }: EventName): string => (lang === 'both' ? `${zh} ${en}` : lang === 'zh' ? zh : en);
  const total = (zh: string, en: string, amount: Money) => `${say({ zh, en })} ${amountOf(amount)}`;
  return [
    `${say({ zh: '退款', en: 'Refund' })} ${refundId}, ${say({ zh: '订单', en: 'order' })} ${orderId}`,
    [
      total('批准', 'approved', totals.approved),
      total('出资', 'funded', totals.funded),
      total('已付买家', 'paid to the buyer', totals.paid),
      total('向商户追偿', 'recourse', totals.recourse),
      total('已追回', 'recovered', totals.recovered),
      total('已还基金', 'reimbursed', totals.reimbursed),
      ...(isZero(totals.compensated) ? [] : [total('已补偿商户', 'compensated', totals.compensated)]),
    ].join(' · '),
    '',
    ...steps.flatMap((step, index) => stepLines(step, index + 1, lang, say)),
    open.length === 0 ? say({ zh: '全部结清。', en: 'Nothing is open.' }) : `${say({ zh: '未结:', en: 'Still open:' })}`,
    ...open.map((matter) => `  ${amountOf(matter.amount)}  ${say(matter)}`),
  ];
}

function stepLines(step: ChainStep, no: number, lang: Language, say: (name: EventName) => string): string[] {
  const { actor, effectiveAt, recordedAt } = step;
  const time: Instant =
    recordedAt === effectiveAt ? recordedAt : `${recordedAt} (${say({ zh: '生效', en: 'effective' })} ${effectiveAt})`;
  const facts = [
    ...Object.entries(step.amounts).map(([name, amount]) => `${name} ${amountOf(amount)}`),
    ...Object.entries(step.facts).map(([name, value]) => `${name} ${value}`),
  ];
  const explanations =
    step.explanation === undefined ? [] : lang === 'both' ? [step.explanation.zh, step.explanation.en] : [step.explanation[lang]];
  return [
    `${String(no).padStart(3)}. ${time}  ${say(step.name)}`,
    `     ${step.event} ${step.place}, ${say({ zh: '位置', en: 'position' })} ${step.position}, ${say({ zh: '操作者', en: 'by' })} ${actor.subject} (${actor.role})${step.because === undefined ? '' : `, ${say({ zh: '起因', en: 'because of' })} ${step.because}`}`,
    ...(facts.length === 0 ? [] : [`     ${facts.join(', ')}`]),
    ...explanations.map((text) => `     ${text}`),
    ...(step.evidence.length === 0 ? [] : [`     ${say({ zh: '依据', en: 'on the evidence of' })} ${step.evidence.join(', ')}`]),
    ...step.postings.map(({ debit, credit, amount }) => `     ${debit} → ${credit}  ${amountOf(amount)}`),
    '',
  ];
}
