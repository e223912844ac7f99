import { type Fund, type FundEvent, fundProcessor } from '@recourse/compensation';
import type { Deposit } from '@recourse/deposits';
import { type Command, type CommandAction, isRejection } from '@recourse/eventing';
import { add, money } from '@recourse/money';
import fc from 'fast-check';
import { commandOfAction } from './commands.js';
import { acts, Town } from './world-acts.js';
import type { Dice } from './world-rail.js';
import { comeToRest, debtsLeft, everybodyPays, faultsAtRest, wrongBurdens } from './world-rest.js';
import { type Situation, situations, situationsIn } from './world-situations.js';
import { underivedVerdicts } from './world-verdicts.js';
import { type Parts, soundParts, World } from './world.js';

/** Worlds of a run; a campaign sets more. */
const numRuns = Number(process.env['WORLDS'] ?? 100);
const timeLimitMs = process.env['WORLDS'] === undefined ? 50_000 : 3_600_000;

type Step = readonly [act: string, seed: number];
const names = Object.keys(acts);
/** How much more often what a world is fond of happens there. */
const fondness = 15;
/** Each world is fond of some acts, so that what is rare in one is common in another. */
const history: fc.Arbitrary<readonly Step[]> = fc
  .noBias(fc.uniqueArray(fc.constantFrom(...names), { maxLength: 7, size: 'max' }))
  .chain((fond) => {
    const weighted = names.flatMap((name) =>
      Array.from({ length: (acts[name]?.[0] ?? 0) + (fond.includes(name) ? fondness : 0) }, () => name),
    );
    const step = fc.tuple(fc.constantFrom(...weighted), fc.nat(2 ** 31 - 1));
    return fc.noBias(fc.array(step, { minLength: 100, maxLength: 500, size: 'max' }));
  });

/** Mulberry32. */
function diceOf(seed: number): Dice {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** The same worlds every time. */
const sample = fc.sample(history, { numRuns: 400, seed: 20_260_301 });

/** @throws Broken as soon as an invariant is */
async function live(steps: readonly Step[], parts: Parts = soundParts): Promise<Town> {
  const town = new Town(parts);
  for (const [name, seed] of steps) await acts[name]![1](town, diceOf(seed));
  await comeToRest(town);
  expect(faultsAtRest(town)).toEqual([]);
  await town.world.audit(town.rail.book);
  expect(await underivedVerdicts(town.world)).toEqual([]);
  await everybodyPays(town);
  expect([...faultsAtRest(town), ...debtsLeft(town), ...wrongBurdens(town)]).toEqual([]);
  return town;
}

describe('a world', () => {
  it(
    'keeps its books after every event, whatever happens at once, and does what can be done',
    async () => {
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          await live(steps);
        }),
        { numRuns, interruptAfterTimeLimit: timeLimitMs },
      );
    },
    timeLimitMs + 60_000,
  );

  it(
    'goes through all that may happen between a verdict and its end',
    async () => {
      const missing = new Set<Situation>(situations);
      for (const steps of sample) {
        for (const seen of situationsIn((await live(steps)).world.log)) missing.delete(seen);
        if (missing.size === 0) break;
      }
      expect([...missing]).toEqual([]);
    },
    timeLimitMs,
  );
});

it('has processes which can carry out whatever they want', async () => {
  const context = new World().context('ann');
  const wanted = new Map<string, CommandAction>();
  for (const steps of sample.slice(0, 60))
    for (const [kind, action] of (await live(steps)).world.actions) wanted.set(kind, action);
  expect(wanted.size).toBeGreaterThan(15);
  for (const action of wanted.values()) expect(() => commandOfAction(action, context)).not.toThrow();
});

type Deciding = Parts['deciders'][number];
const deciding = (category: string, change: (decider: Deciding) => Partial<Deciding>): Parts => ({
  ...soundParts,
  deciders: soundParts.deciders.map((decider) => (decider.category === category ? { ...decider, ...change(decider) } : decider)),
});
const seeing = <State>(category: string, delusion: (state: State, command: Command) => State): Parts =>
  deciding(category, ({ decide }) => ({ decide: (command, state) => decide(command, delusion(state as State, command)) }));
const without = (process: string, ...events: string[]): Parts => ({
  ...soundParts,
  processes: soundParts.processes.map((one) =>
    one.name === process
      ? { ...one, on: Object.fromEntries(Object.entries(one.on).filter(([type]) => !events.includes(type))) }
      : one,
  ),
});
const withFund = (
  decide: (outcome: readonly FundEvent[]) => readonly FundEvent[],
  seen = (state: Fund): Fund => state,
): Parts => {
  const { decider, onward } = fundProcessor;
  const outcomeOf: typeof decider.decide = (command, state) => {
    const outcome = decider.decide(command, seen(state));
    return isRejection(outcome) ? outcome : decide(outcome);
  };
  return {
    ...soundParts,
    fund: { ...fundProcessor, decider: { ...decider, decide: outcomeOf }, onward: (state) => onward?.(seen(state)) },
  };
};
const sameEvents = (events: readonly FundEvent[]) => events;
const dropping = (type: FundEvent['type']) => withFund((events) => events.filter((event) => event.type !== type));

describe('the books notice a house', () => {
  const mutants: Readonly<Record<string, Parts>> = {
    'that debits a merchant before the buyer is paid': seeing<Deposit>('deposit', (state) =>
      state.status === 'open'
        ? { ...state, obligations: state.obligations.map((owed) => ({ ...owed, refundPaid: true })) }
        : state,
    ),
    'that claims from the fund what the merchant still owes': seeing<Deposit>('deposit', (state, { type }) =>
      state.status === 'open' && type === 'MakeWhole' ? { ...state, obligations: [], writtenOff: [] } : state,
    ),
    'that reinstates more than was written off': seeing<Deposit>('deposit', (state, { type }) =>
      state.status === 'open' && type === 'TopUpDeposit'
        ? { ...state, writtenOff: state.writtenOff.map((one) => ({ ...one, amount: add(one.amount, money(1n)) })) }
        : state,
    ),
    'whose fund spends what it does not have': withFund(sameEvents, (state) =>
      state.status === 'open' ? { ...state, available: add(state.available, money(5_000n)) } : state,
    ),
    'whose fund keeps what it had reserved for a refund that was revoked': dropping('ReservationRevoked'),
    'whose fund takes its money back and leaves the merchant owing': withFund((events) =>
      events.map((event) =>
        event.type === 'ReservationRevoked' ? { ...event, data: { ...event.data, merchantShare: money(0n) } } : event,
      ),
    ),
    'whose fund is deaf to money that came back': dropping('RefundReturned'),
    'whose fund finds no debtor in a buyer who deceived': dropping('BuyerFraudEstablished'),
    'that sends a transfer again because it does not know what became of the first': deciding('payout', ({ evolve }) => ({
      evolve: (state, event) =>
        event.type === 'TransferOutcomeUnknown' ? { ...(evolve(state, event) as object), status: 'ready' } : evolve(state, event),
    })),
    'that pays again what came back and is owed no more': deciding('payout', ({ evolve }) => ({
      evolve: (state, event) =>
        event.type === 'PayoutReturned' ? { ...(evolve(state, event) as object), status: 'ready' } : evolve(state, event),
    })),
    'that pays a refund although its verdict was overturned': without('overturning', 'VerdictOverturned'),
    'that never collects': without('merchant-account', 'PayoutSucceeded'),
    'that forgets who lost by an overturned verdict': without('merchant-account', 'RefundOverturned'),
    'that revokes what the deposit paid and keeps the money': without('merchant-account', 'HandOverRevoked'),
  };

  it.each(Object.keys(mutants))('%s', async (name) => {
    let survived = 0;
    for (const steps of sample) {
      try {
        await live(steps, mutants[name]);
      } catch {
        return;
      }
      survived += 1;
    }
    throw new Error(`it lived through ${survived} worlds unnoticed`);
  });
});
