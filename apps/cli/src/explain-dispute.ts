import {
  explainCase,
  frozenTable,
  openingOf,
  readCase,
  type CaseExplanation,
  type Condition,
  type ExplainedFact,
  type ExplainedUnit,
  type ExplainedVerdict,
  type Explanation,
  type OrderAttestation,
  type PolicyApplication,
} from '@recourse/disputes';
import type { Event, StreamReader } from '@recourse/eventing';
import { maxLoadedEvents, openEventStore, type EventStore } from '@recourse/eventstore';
import { eventName, type DomainEvent } from '@recourse/ledger';
import { catalogue } from '@recourse/nest';
import { amountOf, plain, type ExplainSurroundings, type Language } from './explain.js';
import { storesOf } from './verify-installation.js';

export interface ExplainDisputeOptions {
  readonly dataDir: string;
  readonly disputeId: string;
  readonly lang: Language;
  readonly json: boolean;
}

/** Reads the streams of the case, its order and its policy. @throws Error when there is no such dispute or its policy is gone, StoreUnavailable */
export async function explainDispute(eventStore: Pick<EventStore, 'readStream'>, disputeId: string): Promise<CaseExplanation> {
  const streams: StreamReader = {
    read: <E extends Event>(stream: string) => eventStore.readStream<E>(stream, { limit: maxLoadedEvents }),
  };
  const found = await readCase(disputeId, streams);
  const opened = found && openingOf(found.history);
  if (found === undefined || opened === undefined) throw new Error(`there is no dispute ${disputeId}`);
  const table = await frozenTable(opened, streams);
  if (table === undefined)
    throw new Error(`policy ${opened.policy.id} version ${opened.policy.version} is in no stream of policies`);
  return explainCase({ ...found, table });
}

/** `recourse explain dispute`: beside a running installation, of one at rest, or of the stores that the environment names. */
export async function runExplainDispute(
  { dataDir, disputeId, lang, json }: ExplainDisputeOptions,
  { environment, say }: ExplainSurroundings,
): Promise<number> {
  const stores = await storesOf(dataDir, environment);
  const eventStore = openEventStore({ connectionString: stores.eventStoreUrl, catalogue, log: () => undefined });
  try {
    const explanation = await explainDispute(eventStore, disputeId);
    if (json) say(JSON.stringify(explanation, plain, 2));
    else for (const line of caseLines(explanation, lang)) say(line);
    return 0;
  } finally {
    await eventStore.close();
    await stores.stop();
  }
}

type Say = (text: Explanation) => string;

export function caseLines(explained: CaseExplanation, lang: Language): string[] {
  const say: Say = ({ zh, en }) => (lang === 'both' ? `${zh} ${en}` : lang === 'zh' ? zh : en);
  const words = (zh: string, en: string) => say({ zh, en });
  const { disputeId, orderId, merchant, buyer, reason, policy, openedAt, units, path, verdicts, asOf } = explained;
  return [
    `${words('纠纷', 'Dispute')} ${disputeId}, ${words('订单', 'order')} ${orderId}, ${words('商户', 'merchant')} ${merchant}, ${words('买家', 'buyer')} ${buyer}`,
    `${words('申请原因', 'reason')} ${reason.value} (${say(reason.meaning)}), ${openedAt}; ${words('截至位置', 'as of position')} ${asOf}`,
    `${words('规则', 'policy')} ${policy.id} v${policy.version} ${say(policy.title)} ${policy.hash}`,
    '',
    words('平台证明', 'Attested by the platform'),
    ...attestationLines(explained.attested, words),
    '',
    ...units.flatMap((unit) => unitLines(unit, say)),
    words('规则如何适用', 'How the policy was applied'),
    ...(path.length === 0 ? [`  ${words('尚未适用', 'not yet')}`] : path.flatMap((one) => applicationLines(one, say))),
    '',
    words('裁决', 'Verdicts'),
    ...(verdicts.length === 0 ? [`  ${words('尚无', 'none yet')}`] : verdicts.flatMap((one) => verdictLines(one, say, lang))),
  ];
}

function attestationLines({ order, payment, units }: OrderAttestation, words: (zh: string, en: string) => string): string[] {
  const at = (event: { at: string; position: bigint; eventId: string }) =>
    `${event.at}, ${words('位置', 'position')} ${event.position}, ${words('事件', 'event')} ${event.eventId}`;
  return [
    `  ${words('订单', 'order')} ${order.orderId}: ${order.products.join(', ')}, ${amountOf(order.total)} (${at(order)})`,
    payment === undefined
      ? `  ${words('没有到账的付款', 'no payment was captured')}`
      : `  ${words('付款', 'payment')} ${payment.rail} ${payment.transaction}, ${amountOf(payment.amount)} (${at(payment)})`,
    ...units.flatMap(({ unitNo, delivered, revealed, failed, replaced }) => [
      delivered === undefined
        ? `  ${words('单位', 'unit')} ${unitNo}: ${words('平台没有发货记录', 'the platform has no delivery of it')}`
        : `  ${words('单位', 'unit')} ${unitNo}: ${words('发货', 'delivered')} ${delivered.kind} ${delivered.shown} (${at(delivered)})`,
      ...(revealed === undefined ? [] : [`    ${words('买家查看', 'revealed')} (${at(revealed)})`]),
      ...(failed === undefined ? [] : [`    ${words('平台故障', 'platform failure')} ${failed.incident} (${at(failed)})`]),
      ...replaced.map((one) => `    ${words('补发', 'replaced')} ${one.kind} ${one.shown} (${at(one)})`),
    ]),
  ];
}

function unitLines({ unitNo, product, price, status, next, verdictId, facts }: ExplainedUnit, say: Say): string[] {
  const until = next.until === undefined ? '' : `, ${say({ zh: '截止', en: 'until' })} ${next.until}`;
  return [
    `${say({ zh: '单位', en: 'Unit' })} ${unitNo} ${product} ${amountOf(price)}: ${status}${verdictId === undefined ? '' : ` ${verdictId}`}`,
    `  ${say({ zh: '下一步', en: 'next' })} ${next.who}: ${say(next.what)}${until}`,
    ...facts.flatMap((fact) => factLines(fact, say)),
    '',
  ];
}

function factLines({ fact, name, value, meaning, burdenText, shownBy, from }: ExplainedFact, say: Say): string[] {
  return [
    `  ${fact} = ${value}  ${say(name)}: ${say(meaning)} [${say(burdenText)}: ${say(shownBy)}]`,
    ...from.map(
      ({ reference, type, position, recordedAt, actor }) =>
        `      ${type} ${reference}, ${say({ zh: '位置', en: 'position' })} ${position}, ${recordedAt}, ${say(eventName(type as DomainEvent['type']))}, ${actor.subject} (${actor.role})`,
    ),
  ];
}

const asked = ({ fact, value, asked: values }: Condition): string => `${fact} ${value} ∈ {${values.join(', ')}}`;
function applicationLines({ at, position, units, rule, doesText, because, passedOver }: PolicyApplication, say: Say): string[] {
  return [
    `  ${at} ${say({ zh: '位置', en: 'position' })} ${position}, ${say({ zh: '单位', en: 'units' })} ${units.join(', ')}: ${rule} → ${say(doesText)}`,
    `      ${say({ zh: '因为', en: 'because' })} ${because.length === 0 ? say({ zh: '没有别的规则适用', en: 'no other rule applies' }) : because.map(asked).join(', ')}`,
    ...passedOver.map(
      ({ rule: earlier, since }) =>
        `      ${say({ zh: '不适用', en: 'not' })} ${earlier}: ${since.fact} ${since.value} ∉ {${since.asked.join(', ')}}`,
    ),
  ];
}

function verdictLines(verdict: ExplainedVerdict, say: Say, lang: Language): string[] {
  const { verdictId, decidedBy, person, rule, explanation, basis, decidedAt, appeal, overturned, units, refundId, position } =
    verdict;
  const texts = lang === 'both' ? [explanation.zh, explanation.en] : [explanation[lang]];
  return [
    `  ${verdictId} ${decidedAt}, ${say({ zh: '位置', en: 'position' })} ${position}: ${rule}, ${say({ zh: '裁决方', en: 'by' })} ${decidedBy}${person === undefined ? '' : ` ${person}`}`,
    ...units.map(
      ({ unitNo, refund, text }) => `      ${say({ zh: '单位', en: 'unit' })} ${unitNo}: ${say(text)}, ${amountOf(refund)}`,
    ),
    ...texts.map((text) => `      ${text}`),
    `      ${say({ zh: '依据', en: 'basis' })} ${basis.join(', ')}`,
    `      ${appeal.isFinal ? say({ zh: '已生效', en: 'final' }) : `${say({ zh: '可申诉至', en: 'may be appealed until' })} ${appeal.until}`}`,
    ...(overturned === undefined
      ? []
      : [
          `      ${say({ zh: '已由两人推翻', en: 'overturned by two people' })} ${overturned.at}: ${say(overturned.explanation)}`,
        ]),
    ...(refundId === undefined ? [] : [`      ${say({ zh: '退款见', en: 'the refund:' })} recourse explain refund ${refundId}`]),
  ];
}
