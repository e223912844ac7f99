import { fund, type FundEvent, type FundInput } from '@recourse/compensation';
import { isRejection, stamp, type Recorded } from '@recourse/eventing';
import { checkFund } from './fund-check.js';
import { hotFund } from './fund-workload.js';

const hot = hotFund('bench1', 250);
const inOrder = { isAnyOrder: false };

/** What the fund makes of its inputs. */
function decided(): FundEvent[] {
  const inputs = [hot.contribution, ...hot.approvals].flatMap(({ events, metadata }) =>
    events.map((event, no) => ({ ...event, metadata: metadata[no] })),
  ) as Recorded<FundInput>[];
  let state = fund.initial;
  return inputs.flatMap((input, no) => {
    const placed = { ...input, position: BigInt(no + 1), id: `input-${no}`, stream: 's', revision: 0n };
    const decision = fund.decide(stamp({ type: 'TakeInput', input: placed }, input.metadata.recordedAt), state);
    if (isRejection(decision)) throw new Error(decision.detail);
    state = decision.reduce(fund.evolve, state);
    return decision;
  });
}

describe('the fund afterwards', () => {
  it('holds each reservation once, in the order of the inputs, and no money is missing', () => {
    expect(() => checkFund(hot, decided(), inOrder)).not.toThrow();
  });

  it('is wrong when a reservation is lost', () => {
    const events = decided();
    events.splice(100, 1);
    expect(() => checkFund(hot, events, inOrder)).toThrow('249 reservations for 250 inputs');
  });

  it('is wrong when a reservation stands twice', () => {
    const events = decided();
    events.push(events.at(-1)!);
    expect(() => checkFund(hot, events, inOrder)).toThrow('251 reservations for 250 inputs');
    const reserved = events.findIndex(({ type }) => type === 'FundsReserved');
    const doubled = events.slice(0, -1).with(reserved + 1, events[reserved]!);
    expect(() => checkFund(hot, doubled, inOrder)).toThrow('in place of bench1.B2.1.v1 stands bench1.B1.1.v1');
  });

  it('is wrong out of order, unless the inputs came in any order', () => {
    const events = decided();
    const swapped = events.with(10, events[11]!).with(11, events[10]!);
    expect(() => checkFund(hot, swapped, inOrder)).toThrow('in place of');
    expect(() => checkFund(hot, swapped, { isAnyOrder: true })).not.toThrow();
  });

  it('is wrong when money is missing or too much', () => {
    expect(() => checkFund({ ...hot, contributed: { asset: 'CNY', minor: 1n } }, decided(), inOrder)).toThrow('was given 1');
  });
});

it('every order that asks by itself asks for the same refunds', () => {
  const packed = hot.approvals.flatMap(({ events }) => events);
  expect(hot.ownApprovals.flatMap(({ events }) => events)).toEqual(packed);
  expect(new Set(hot.ownApprovals.map(({ stream }) => stream)).size).toBe(250);
  expect(packed.map(({ data }) => (data as { refundId: string }).refundId)).toEqual(hot.refundIds);
});
