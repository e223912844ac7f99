import {
  explainCase,
  nextDeadline,
  readCase,
  type CaseExplanation,
  type Dispute,
  type DisputeEvent,
  type PolicyTable,
  type VerdictSources,
} from '@recourse/disputes';
import { isAfter, type Instant, plusMs, type Recorded } from '@recourse/eventing';
import { add, format, isZero, parse, subtract, sum } from '@recourse/money';
import { deadlinesOf, type OrderEvent } from '@recourse/orders';
import { claimToDispute, incidents, judging, overturning, refunding } from '@recourse/processes';
import type {
  Act,
  DisputeExample,
  Expected,
  ExpectedMoney,
  ExpectedStep,
  ExpectedVerdict,
  UnitDecision,
} from './dispute-example.js';
import { verdictsOf as verdictsIn } from './world-verdicts.js';
import { type Category, type Commands, type InFlight, type Outcome, soundParts, World } from './world.js';

const orderId = 'demo.E1';
const parties = { platform: 'demo', merchant: 'm1', buyer: 'b1' };
const people = { arbitrator: 'arbitrator-1', merchant: 'seller-1', buyer: 'buyer-1' };
const maxRounds = 10_000;

/** What came of a story. */
export interface Played {
  readonly came: Expected;
  readonly explained: readonly CaseExplanation[];
  /** Each with all that it is derived from again. */
  readonly verdicts: readonly VerdictSources[];
  /** Codes of the refusals, by the acts that were refused. */
  readonly refusals: ReadonlyMap<Act, string>;
}

/** The real deciders and processes of a sale and its cases; nobody else's money is in it. */
class Stage {
  readonly world = new World({ ...soundParts, processes: [claimToDispute, incidents, judging, refunding, overturning] });
  readonly refusals = new Map<Act, string>();
  /** Decided in their moment and not stored yet. @see Act */
  readonly #slow: { readonly act: Act; readonly flight: InFlight }[] = [];
  #fired = '';

  constructor(
    private readonly example: DisputeExample,
    private readonly table: PolicyTable,
  ) {}

  get #order(): readonly OrderEvent[] {
    return this.world.log.filter(({ stream }) => stream === `order-${orderId}`) as unknown as readonly OrderEvent[];
  }
  get disputeIds(): readonly string[] {
    return this.world.idsOf('dispute');
  }

  /** Everything that is due before `at`, each in the millisecond after its deadline; without `at` until nothing waits any more. */
  async pass(at?: Instant): Promise<void> {
    for (let round = 0; round < maxRounds; round += 1) {
      const moments = [
        ...this.#order.flatMap(deadlinesOf),
        ...this.disputeIds.flatMap((id) => nextDeadline(this.world.stateOf('dispute', id) as Dispute) ?? []),
      ].map((deadline) => plusMs(deadline, 1));
      const [due] = moments.filter((moment) => moment > this.#fired).toSorted();
      if (due === undefined || (at !== undefined && isAfter(due, at))) break;
      this.#fired = due;
      if (isAfter(due, this.world.now)) this.world.now = due;
      if (this.world.idsOf('order').length > 0)
        this.world.send('order', orderId, { type: 'PassOrderDeadlines' }, 'system:deadline');
      for (const id of this.disputeIds) this.world.send('dispute', id, { type: 'PassDisputeDeadlines' }, 'system:deadline');
      await this.#settle();
    }
    if (at !== undefined) this.world.now = at;
  }

  async #settle(): Promise<void> {
    for (let round = 0; round < maxRounds; round += 1) {
      const lanes = this.world.waitingLanes();
      if (lanes.length === 0) return;
      for (const lane of lanes) {
        await this.world.handle(lane, 1);
        this.#landSlow();
      }
    }
    throw new Error('the processes never come to rest');
  }

  async do(act: Act): Promise<void> {
    if (act.at !== undefined) await this.pass(act.at);
    for (const [category, id, command] of this.#commandsOf(act)) {
      const flight = this.world.depart(category, id, command, this.world.context(act.does));
      if (act.storedAfter === undefined) this.#take(act, this.world.land(flight));
      else this.#slow.push({ act, flight });
    }
    if (act.refused !== undefined && !this.refusals.has(act)) throw new Error(`${act.does} at ${this.world.now} was not refused`);
    await this.#settle();
  }

  #take(act: Act, outcome: Outcome): void {
    if (outcome.outcome !== 'rejected') return;
    if (outcome.code !== act.refused) throw new Error(`${act.does} at ${this.world.now}: ${outcome.code}, ${outcome.detail}`);
    this.refusals.set(act, outcome.code);
  }

  #landSlow(): void {
    for (const slow of this.#slow.filter(({ act }) => this.#ofCase.some(({ type }) => type === act.storedAfter))) {
      this.#slow.splice(this.#slow.indexOf(slow), 1);
      this.#take(slow.act, this.world.land(slow.flight));
    }
  }

  /** Until nothing waits any more. @throws Error for an act that was never stored */
  async end(): Promise<void> {
    await this.pass();
    for (const { act } of this.#slow) throw new Error(`${act.does} waits for ${act.storedAfter}, which never came`);
  }

  /** The last case; a story speaks of one at a time. */
  get #disputeId(): string {
    return this.disputeIds.at(-1) ?? `${orderId}.1`;
  }
  get #ofCase(): readonly Recorded<DisputeEvent>[] {
    const stream = `dispute-${this.#disputeId}`;
    return this.world.log.filter((event) => event.stream === stream) as unknown as readonly Recorded<DisputeEvent>[];
  }
  get #verdictId(): string {
    return this.#ofCase.flatMap(({ type, data }) => (type === 'VerdictReached' ? data.verdictId : [])).at(-1) ?? 'none';
  }
  get #chatId(): string {
    const chats = this.#ofCase.flatMap(({ type, data }) =>
      type === 'EvidenceSubmitted' && data.kind === 'chat' ? data.evidenceId : [],
    );
    return chats.at(-1) ?? 'none';
  }

  #commandsOf(act: Act): readonly (readonly [Category, string, Commands[Category]])[] {
    const order = (command: Commands['order']) => ['order', orderId, command] as const;
    const dispute = (command: Commands['dispute']) => ['dispute', this.#disputeId, command] as const;
    const { now } = this.world;
    switch (act.does) {
      case 'wait':
        return [];
      case 'place':
        return this.#place();
      case 'pay': {
        const { unitPrice, quantity } = this.example.order;
        const amount = sum(Array.from({ length: quantity }, () => parse(unitPrice)));
        return [order({ type: 'CapturePayment', transaction: 'T1', amount, receiver: 'ours', capturedAt: now })];
      }
      case 'deliver':
        return [
          order({
            type: 'DeliverUnits',
            deliveries: act.units.map((unitNo) => ({ unitNo, delivery: this.#delivery(`${unitNo}`) })),
          }),
        ];
      case 'reveal':
        return act.units.map((unitNo) => order({ type: 'RevealKey', unitNo }));
      case 'confirm':
        return [order({ type: 'ConfirmReceipt', units: act.units })];
      case 'report-failure':
        return act.units.map((unitNo) => order({ type: 'ReportPlatformFailure', unitNo, incident: 'delivery failed' }));
      case 'claim': {
        const { units, reason, draft = false, showsActivationFailure } = act;
        const piece = { evidenceId: 'e0', kind: 'abnormal-use', showsActivationFailure: true, content: 'vault:e0' } as const;
        const evidence = showsActivationFailure === true ? { evidence: [piece] } : {};
        return [order({ type: 'OpenClaim', units, reason, channel: 'app', draft, ...evidence })];
      }
      case 'submit':
        return [order({ type: 'SubmitClaim', claimId: this.#disputeId })];
      case 'withdraw':
        return [dispute({ type: 'WithdrawDispute' })];
      case 'evidence': {
        const { by, kind, showsActivationFailure } = act;
        const evidenceId = `e${this.world.log.length}`;
        return [
          dispute({ type: 'SubmitEvidence', evidenceId, by, kind, showsActivationFailure, content: `vault:${evidenceId}` }),
        ];
      }
      case 'verifier': {
        const said = { outcome: act.outcome, source: 'sandbox', queriedAt: now, resultHash: 'ab'.repeat(32) };
        return [dispute({ type: 'RecordVerification', results: act.units.map((unitNo) => ({ unitNo, ...said })) })];
      }
      case 'replace':
        return act.units.map((unitNo) =>
          order({ type: 'ReplaceUnit', claimId: this.#disputeId, unitNo, delivery: this.#delivery(`${unitNo}-again`) }),
        );
      case 'check':
        return [dispute({ type: 'CheckReplacement', works: act.works })];
      case 'answer':
        return [dispute({ type: 'AnswerClaim', answer: act.answer })];
      case 'request-person':
        return [dispute({ type: 'RequestPerson' })];
      case 'tag': {
        const { by, problemConfirmed, merchantPromised } = act;
        const tags = { by, subject: people[by], problemConfirmed, merchantPromised };
        return [dispute({ type: 'TagEvidence', evidenceId: this.#chatId, ...tags })];
      }
      case 'decide': {
        const { explanation } = act;
        return [dispute({ type: 'DecideDispute', person: people.arbitrator, units: act.units.map(decisionOf), explanation })];
      }
      case 'appeal': {
        const { by, units } = act;
        const what = { verdictId: this.#verdictId, by, subject: people[by], ...(units && { units }) };
        return [dispute({ type: 'LodgeAppeal', ...what })];
      }
      case 'withdraw-appeal':
        return [dispute({ type: 'WithdrawAppeal', verdictId: this.#verdictId, by: act.by, subject: people[act.by] })];
      case 'rule': {
        const { person, explanation } = act;
        const units = act.units.map((unit) => ({ ...decisionOf(unit), for: unit.for }));
        return [dispute({ type: 'RuleOnAppeal', verdictId: this.#verdictId, person, units, explanation })];
      }
      case 'record-incident': {
        const { title, system, units } = act;
        const { platform } = parties;
        const orders = [{ orderId, units }];
        const record = { type: 'RecordIncident', incidentId: 'demo.I1', platform, title, system, from: now, orders } as const;
        return [['incident', 'demo.I1', { ...record, subject: 'operator-1' }]];
      }
    }
  }

  #place(): readonly (readonly [Category, string, Commands[Category]])[] {
    const { platform } = parties;
    const { productKind, settlement, promise, product, unitPrice, quantity, fee, noReturnConsent } = this.example.order;
    const lines = [{ product, unitPrice: parse(unitPrice), quantity }];
    // A policy's hash is what the decider makes of its table.
    this.world.send('policy', platform, { type: 'PublishPolicy', platform, table: this.table }, 'operator');
    const published = this.world.log.find(({ type }) => type === 'PolicyPublished');
    if (published?.type !== 'PolicyPublished') throw new Error('the policy was not published');
    const { id, version, hash } = published.data;
    const policy = { id, version, hash };
    const exposure = settlement === 'ON_DELIVERY' ? { exposure: { limit: parse('10000.00'), exposed: parse('100.00') } } : {};
    const rest = {
      payee: 'vault:b1',
      rail: 'sandbox',
      receiver: 'ours',
      productKind,
      settlement,
      promise,
      policy,
      consent: policy,
      ...(noReturnConsent && { noReturnConsent }),
    };
    return [['order', orderId, { type: 'PlaceOrder', orderId, ...parties, ...rest, lines, fee: parse(fee), ...exposure }]];
  }

  #delivery(name: string) {
    return this.example.order.productKind === 'phone-top-up'
      ? ({ kind: 'top-up', receipt: `receipt-${name}`, accountReference: 'vault:phone' } as const)
      : ({ kind: 'key', ciphertext: 'sealed', fingerprint: `fingerprint-${name}`, masked: 'ABCD-****' } as const);
  }
}

function decisionOf({ unit, liable, remedy, bearer, refundPercent, merchantPercent, amount }: UnitDecision) {
  return {
    unitNo: unit,
    liable,
    remedy,
    bearer,
    ...(refundPercent !== undefined && { refundPercent }),
    ...(merchantPercent !== undefined && { merchantPercent }),
    ...(amount !== undefined && { amount: parse(amount) }),
  };
}

/** Tells the story to the real deciders; when it is told, everything that is still due happens. @throws Error for an act that is refused */
export async function playExample(example: DisputeExample, table: PolicyTable): Promise<Played> {
  const stage = new Stage(example, table);
  for (const act of example.story) await stage.do(act);
  await stage.end();
  const { world } = stage;
  const verdicts = await verdictsIn(world);
  const explained: CaseExplanation[] = [];
  for (const disputeId of stage.disputeIds) {
    const found = await readCase(disputeId, world.reader);
    if (found !== undefined) explained.push(explainCase({ ...found, table }));
  }
  return { came: whatCame(world), explained, verdicts, refusals: stage.refusals };
}

function whatCame({ log }: World): Expected {
  const ofCase = log.filter(({ stream }) => stream.startsWith('dispute-')) as unknown as readonly Recorded<DisputeEvent>[];
  const ofOrder = log.filter(({ stream }) => stream === `order-${orderId}`) as unknown as readonly Recorded<OrderEvent>[];
  return { steps: ofCase.map(stepOf), verdicts: ofCase.flatMap(verdictsOf), money: ofOrder.flatMap(moneyOf) };
}

function stepOf({ type, data, metadata }: Recorded<DisputeEvent>): ExpectedStep {
  const listed = 'units' in data ? data.units : 'results' in data ? data.results : undefined;
  const units = listed?.map((unit) => (typeof unit === 'number' ? unit : unit.unitNo));
  return {
    at: metadata.recordedAt,
    event: type,
    ...(units !== undefined && { units }),
    ...('rule' in data && { rule: data.rule }),
    ...('until' in data && { until: data.until }),
    ...(type === 'AppealLodged' && { appealBy: data.by }),
    ...(type === 'AppealRuled' && { outcome: data.outcome }),
    ...(type === 'MerchantPromised' && { promise: data.promise }),
  };
}

function verdictsOf(event: Recorded<DisputeEvent>): readonly ExpectedVerdict[] {
  if (event.type !== 'VerdictReached') return [];
  const { decidedAt, rule, decidedBy, units } = event.data;
  return units.map(({ unitNo, liable, remedy, bearer, refund, refundPercent, merchantPart, refundedBefore, facts }) => ({
    at: decidedAt,
    rule,
    decidedBy,
    unit: unitNo,
    liable,
    remedy,
    bearer,
    refund: format(refund),
    ...(refundPercent !== undefined && { refundPercent }),
    ...(merchantPart && { merchantPart: format(merchantPart) }),
    ...(refundedBefore && { refundedBefore: format(refundedBefore) }),
    facts: { ...facts },
  }));
}

function moneyOf(event: Recorded<OrderEvent>): readonly ExpectedMoney[] {
  const at = event.metadata.recordedAt;
  if (event.type === 'EscrowReleased') {
    const { unitNo, net, fee } = event.data;
    return isZero(event.data.amount)
      ? []
      : [{ at, unit: unitNo, to: 'merchant', amount: format(net), source: 'escrow', fee: format(fee) }];
  }
  if (event.type === 'RefundRevoked')
    return event.data.lines.map(({ unitNo, source, amount }) => ({
      at,
      unit: unitNo,
      to: source,
      amount: format(amount),
      source: 'refund',
    }));
  if (event.type === 'RefundOverturned') {
    const { units, escrowLoss, recourse } = event.data;
    return [{ at, units, to: 'merchant', amount: format(add(escrowLoss, recourse)), source: 'platform' }];
  }
  if (event.type !== 'RefundApproved') return [];
  return event.data.lines.map(({ unitNo, source, amount, fromEscrow, fromFund, fromFees, merchantShare }) => ({
    at,
    unit: unitNo,
    to: 'buyer',
    amount: format(amount),
    source,
    merchantBears: format(source === 'escrow' ? fromEscrow : merchantShare),
    platformBears: format(source === 'escrow' ? subtract(amount, fromEscrow) : subtract(fromFund, merchantShare)),
    feeGivenBack: format(fromFees),
  }));
}
