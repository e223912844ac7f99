import { eligibilityOf, type Eligibility, PolicyProspects } from '@recourse/disputes';
import {
  caseAfter,
  changeBy,
  type CaseHistory,
  type DisputeEvent,
  newStanding,
  type PolicyEvent,
  standingsIn,
  termsOf,
} from '@recourse/disputes/events';
import type { Instant } from '@recourse/eventing';
import { type EventStore, openEventStore } from '@recourse/eventstore';
import { catalogue } from '@recourse/nest';
import type { OrderEvent } from '@recourse/orders/events';
import { atOnce, benchPlatform } from './market.js';
import type { Round } from './report.js';
import type { Client } from '../client.js';
import { UnexpectedAnswer } from '../player.js';

export interface AskedUnit {
  readonly orderNo: string;
  readonly unit: number;
}
/** What must be the same whoever answers. */
export interface Brief {
  readonly claimable: boolean;
  readonly because: string | undefined;
  readonly validUntil: string | null;
}
export interface Answered extends Round {
  readonly briefs: readonly Brief[];
  /** Of the answer to all; of single answers together. */
  readonly bytes: number;
}

const maxStreamEvents = 5_000;
const as = 'finance:f1';
type Shown = { readonly claimable: boolean; readonly because?: string; readonly validUntil: string | null };
const briefOf = ({ claimable, because, validUntil }: Shown): Brief => ({ claimable, because, validUntil });

function accepted({ status, body }: Awaited<ReturnType<Client['get']>>): Readonly<Record<string, unknown>> {
  if (status !== 200) throw new UnexpectedAnswer(`eligibility: ${status} ${JSON.stringify(body)}`);
  return body;
}
const rate = (units: number, sinceMs: number): number => (units * 1_000) / (performance.now() - sinceMs);

/** All in one call. @param asOf a past moment; absent: now */
export async function inOneCall(client: Client, units: readonly AskedUnit[], asOf?: Instant): Promise<Answered> {
  const began = performance.now();
  const body = accepted(
    await client.post(as, '/eligibility/query', { units, ...(asOf === undefined ? {} : { asOf }) }, 'unused'),
  );
  const [perSecond, tookMs] = [rate(units.length, began), performance.now() - began];
  const results = body['results'] as readonly { readonly eligibility?: Shown }[];
  const briefs = results.map(({ eligibility }) => {
    if (eligibility === undefined) throw new UnexpectedAnswer('a unit of the benchmark has no answer');
    return briefOf(eligibility);
  });
  return { perSecond, latenciesMs: [tookMs], briefs, bytes: Buffer.byteLength(JSON.stringify(body)) };
}

/** Unit by unit over the same API, so many at once. */
export async function oneByOne(client: Client, units: readonly AskedUnit[], waiting: number): Promise<Answered> {
  const began = performance.now();
  const latenciesMs: number[] = [];
  let bytes = 0;
  const briefs = await atOnce(units, waiting, async ({ orderNo, unit }) => {
    const asked = performance.now();
    const body = accepted(await client.get(as, `/orders/${orderNo}/units/${unit}/eligibility`));
    latenciesMs.push(performance.now() - asked);
    bytes += Buffer.byteLength(JSON.stringify(body));
    return briefOf(body as unknown as Shown);
  });
  return { perSecond: rate(units.length, began), latenciesMs, briefs, bytes };
}

/**
 * Without a read model: for each unit its order's stream is read and folded, and the streams of its claims. It is spared HTTP,
 * credentials and JSON, and the policy is read once.
 */
export class FoldingBaseline {
  readonly #eventStore: EventStore;
  #table: PolicyProspects | undefined;

  constructor(eventStoreUrl: string) {
    this.#eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log: () => undefined });
  }

  async answer(units: readonly AskedUnit[], at: Instant, waiting: number): Promise<Answered> {
    const table = (this.#table ??= await this.#policy());
    const began = performance.now();
    const latenciesMs: number[] = [];
    const briefs = await atOnce(units, waiting, async (unit) => {
      const asked = performance.now();
      const { claimable, because, validUntil } = await this.#one(unit, table, at);
      latenciesMs.push(performance.now() - asked);
      return { claimable, because, validUntil: validUntil ?? null };
    });
    return { perSecond: rate(units.length, began), latenciesMs, briefs, bytes: 0 };
  }

  close(): Promise<void> {
    return this.#eventStore.close();
  }

  async #policy(): Promise<PolicyProspects> {
    const [published] = await this.#eventStore.readStream<PolicyEvent>(`policy-${benchPlatform}`, { limit: 1 });
    if (published?.type !== 'PolicyPublished') throw new Error('the benchmark has published no policy');
    return new PolicyProspects(published.data.table);
  }

  async #one({ orderNo, unit }: AskedUnit, table: PolicyProspects, at: Instant): Promise<Eligibility> {
    const stream = `order-${benchPlatform}.${orderNo}`;
    const [placed, ...events] = await this.#eventStore.readStream<OrderEvent>(stream, { limit: maxStreamEvents });
    if (placed?.type !== 'OrderPlaced') throw new Error(`${stream} begins with no order`);
    const terms = termsOf(placed.data).find(({ unitNo }) => unitNo === unit);
    if (terms === undefined) throw new Error(`${stream} has no unit ${unit}`);
    let standing = newStanding(terms);
    const claims: string[] = [];
    for (const event of events) {
      const change = changeBy(event);
      if (change === undefined || !(change.units?.includes(unit) ?? true)) continue;
      standing = change.to(standing, unit);
      if (event.type === 'ClaimOpened') claims.push(event.data.claimId);
    }
    const latest = claims.at(-1);
    if (latest === undefined) return eligibilityOf({ terms, standing }, table, at);
    const ofCase = await this.#eventStore.readStream<DisputeEvent>(`dispute-${latest}`, { limit: maxStreamEvents });
    const history = ofCase.reduce<CaseHistory | undefined>(caseAfter, undefined);
    const claim = history === undefined ? undefined : standingsIn(history).get(unit);
    return eligibilityOf({ terms, standing, ...(claim === undefined ? {} : { latest: claim }) }, table, at);
  }
}
