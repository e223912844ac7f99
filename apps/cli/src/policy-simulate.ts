import {
  changeOf,
  dispute,
  isTable,
  PolicySimulation,
  SimulationTotals,
  validateTable,
  type MoneyChange,
  type SimulationCount,
  type SimulationReport,
  type UnitComparison,
  type UnitEnd,
} from '@recourse/disputes';
import type { DisputeEvent, PolicyTable } from '@recourse/disputes/events';
import type { Instant } from '@recourse/eventing';
import { openEventStore, type EventStore } from '@recourse/eventstore';
import { format, toJson, type Money } from '@recourse/money';
import { catalogue } from '@recourse/nest';
import { periodBetween } from '@recourse/postgres';
import { print } from './output.js';
import { many, nameOf, tableIn, titled } from './policy.js';
import { Progress } from './progress.js';
import { table } from './tables.js';
import { storesOf } from './verify-installation.js';

export interface SimulateOptions {
  readonly dataDir: string;
  readonly platform?: string;
  readonly merchant?: string;
  /** Units that ended in this day, month or year of Asia/Shanghai, or later. */
  readonly since?: string;
  readonly json: boolean;
}
interface Scope {
  readonly platform?: string;
  readonly merchant?: string;
  readonly since?: Instant;
}
type Log = Pick<EventStore, 'readAll' | 'lastPosition'>;

const progressEvery = 1_000;

/**
 * Reads the log once and walks every case under the candidate. In memory are the cases that are open at a place of the log, and
 * the sums; each change is given away as it is found.
 * @throws StoreUnavailable, UnknownEventType
 */
export class SimulationRun {
  readonly #totals = new SimulationTotals();
  readonly #simulation: PolicySimulation;
  /** Of the last event that was looked at. */
  position = 0n;

  constructor(
    private readonly eventStore: Log,
    candidate: PolicyTable,
    private readonly scope: Scope,
  ) {
    const { platform, merchant } = scope;
    this.#simulation = new PolicySimulation(
      candidate,
      (whose) =>
        (platform === undefined || whose.platform === platform) && (merchant === undefined || whose.merchant === merchant),
    );
  }

  /** The units that end otherwise, in the order of the log. */
  async *changes(onProgress?: (position: bigint, head: bigint) => void): AsyncGenerator<UnitComparison> {
    const head = await this.eventStore.lastPosition();
    const { since = '' } = this.scope;
    let events = 0;
    for await (const event of this.eventStore.readAll<DisputeEvent>({ types: Object.keys(dispute.events) })) {
      // A read that is left before its end keeps the connection from closing.
      if (event.position > head) continue;
      const ended = this.#simulation.take(event, event.metadata.effectiveAt).filter(({ endedAt }) => endedAt >= since);
      this.#totals.add(ended);
      for (const unit of ended) if (unit.changed) yield unit;
      events += 1;
      if (events % progressEvery === 0) onProgress?.(event.position, head);
    }
    this.position = head;
  }

  report(): SimulationReport & { readonly open: number } {
    return { ...this.#totals.report(), open: this.#simulation.open };
  }
}

/**
 * `recourse policy simulate`: beside a running installation, of one at rest, or of the stores that the environment names.
 * @returns 0 when every case ends as it did, 1 when one ends otherwise
 */
export async function runPolicySimulate(
  file: string,
  { dataDir, json, since, ...whose }: SimulateOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const candidate = validateTable(await tableIn(file));
  if (!isTable(candidate))
    throw new Error([`${file} may not be published; recourse policy lint says more:`, ...candidate].join('\n  '));
  const from = periodBetween(since === undefined ? {} : { from: since }).from;
  const scope: Scope = { ...whose, ...(from === undefined ? {} : { since: from }) };
  const stores = await storesOf(dataDir, environment);
  const eventStore = openEventStore({ connectionString: stores.eventStoreUrl, catalogue, log: () => undefined });
  const progress = new Progress('walking the cases:');
  try {
    const run = new SimulationRun(eventStore, candidate, scope);
    const changes = run.changes((position, head) => progress.show(Number(position), Number(head)));
    await print((json ? asJson : asText)(candidate, scope, run, changes, () => progress.clear()));
    return run.report().changed > 0 ? 1 : 0;
  } finally {
    progress.clear();
    await eventStore.close();
    await stores.stop();
  }
}

type Form = (
  candidate: PolicyTable,
  scope: Scope,
  run: SimulationRun,
  changes: AsyncIterable<UnitComparison>,
  beforeLine: () => void,
) => AsyncGenerator<string>;

/** Positions as text, amounts as everywhere. */
const plain = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  const isMoney = typeof value === 'object' && value !== null && 'minor' in value && typeof value.minor === 'bigint';
  return isMoney ? toJson(value as Money) : value;
};

/** One document, though it is written while the log is read. */
const asJson: Form = async function* (candidate, scope, run, changes) {
  yield `{"candidate":${JSON.stringify(nameOf(candidate))},"scope":${JSON.stringify(scope)},"changes":[`;
  let separator = '\n';
  for await (const unit of changes) {
    yield separator + JSON.stringify(unit, plain);
    separator = ',\n';
  }
  const report = run.report();
  const withChange = (count: SimulationCount) => ({
    ...count,
    money: count.money.map((money) => ({ ...money, change: changeOf(money) })),
  });
  const full = { ...withChange(report), byRule: report.byRule.map(withChange), byMerchant: report.byMerchant.map(withChange) };
  yield `\n],"position":"${run.position}","report":${JSON.stringify(full, plain)}}\n`;
};

const endText = (end: UnitEnd): string => {
  switch (end.is) {
    case 'decided': {
      const { rule, by, remedy, bearer, liable, money } = end;
      const who = by === 'rule' ? rule : `${rule}, by ${by}`;
      const what = remedy === 'NONE' ? 'NONE' : `${remedy} ${format(money.buyer)} ${money.buyer.asset}, borne by ${bearer}`;
      return `${who}: ${what} (liable ${liable})`;
    }
    case 'reissued':
      return 'the reissued key works 补发可用';
    case 'review':
      return `${end.rule}: a person decides 转人工审核`;
    case 'asks':
      return `${end.rule}: first ${end.step}, whose answer is not known 先走其他步骤，结果未知`;
  }
};

const asText: Form = async function* (candidate, scope, run, changes, beforeLine) {
  const only = Object.entries(scope).map(([name, value]) => `, ${name} ${String(value)}`);
  yield `${titled(nameOf(candidate))}: every case again 全部纠纷重新裁决${only.join('')}\n\nChanged 有变化\n`;
  for await (const unit of changes) {
    beforeLine();
    const { verdictId, disputeId, unitNo, platform, merchant, reason, endedAt } = unit;
    yield [
      `  ${verdictId ?? disputeId} unit ${unitNo}  ${platform}/${merchant}  ${reason}  ${endedAt}${unit.sooner ? '  sooner 更早' : ''}`,
      `    ${endText(unit.old)}`,
      `  → ${endText(unit.new)}`,
      '',
    ].join('\n');
  }
  beforeLine();
  for (const line of reportLines(run.report(), run.position)) yield `${line}\n`;
};

const inOrder = ({ buyer, merchant, platform }: MoneyChange['old']): readonly Money[] => [buyer, merchant, platform];
const signed = (amount: Money): string => `${amount.minor > 0n ? '+' : ''}${format(amount)}`;
const moneyHeads = ['buyers get 买家所得', 'merchants bear 商家承担', 'platform bears 平台承担'];

/** One row for each asset. */
const countRows = (name: readonly string[], { units, changed, toPerson, asked, money }: SimulationCount): string[][] =>
  money.map((one) => {
    const unknown = toPerson + asked === 0 ? '' : `${toPerson + asked} (${format(one.open)})`;
    return [...name, String(units), String(changed), one.asset, ...inOrder(changeOf(one)).map(signed), unknown];
  });
const countHeads = ['units 件', 'changed 变化', 'asset 币种', ...moneyHeads, 'not known 未知'];

function reportLines(report: ReturnType<SimulationRun['report']>, position: bigint): string[] {
  const { verdicts, changedVerdicts, units, changed, toPerson, asked, sooner, reissued, open, unlisted, byRule, byMerchant } =
    report;
  const left = (what: string, count: number) => (count === 0 ? [] : [`${many(count, 'unit')} of ${what} beyond those listed`]);
  const nameColumns = (names: number) => [names, names + 1, ...[3, 4, 5].map((column) => names + column)];
  return [
    '',
    'Totals 合计',
    `  ${many(verdicts, 'verdict')} up to position ${position}, ${changedVerdicts} of which change; ${many(units, 'unit')}, ${changed} of which change`,
    `  ${toPerson} would go to a person 转人工, ${asked} would be asked something else first 先走其他步骤, ${sooner} would end sooner 更早结束`,
    `  ${reissued} ended by a reissue 补发解决, ${many(open, 'case')} still open 未结`,
    '',
    'Money 金额',
    ...table(
      ['asset 币种', '', ...moneyHeads],
      report.money.flatMap((money) => [
        [money.asset, 'old 原', ...inOrder(money.old).map(format)],
        ['', 'new 新', ...inOrder(money.new).map(format)],
        ['', 'change 变化', ...inOrder(changeOf(money)).map(signed)],
        ...(money.open.minor === 0n ? [] : [['', 'not known 未知', format(money.open), '', '']]),
      ]),
      [2, 3, 4],
    ),
    '',
    'By rule 按规则',
    ...table(
      ['old 原', 'new 新', ...countHeads],
      byRule.flatMap((count) => countRows([count.old, count.new], count)),
      nameColumns(2),
    ),
    ...left('other rules', unlisted.byRule),
    '',
    'By merchant 按商家',
    ...table(
      ['merchant 商家', ...countHeads],
      byMerchant.flatMap((count) => countRows([`${count.platform}/${count.merchant}`], count)),
      nameColumns(1),
    ),
    ...left('other merchants', unlisted.byMerchant),
  ];
}
