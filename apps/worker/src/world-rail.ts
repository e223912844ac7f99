import type { Payout, PayoutEvent, RailWord } from '@recourse/compensation';
import type { EventOf } from '@recourse/eventing';
import type { RailBookEntry } from '@recourse/ledger';
import { transferKey } from '@recourse/rails';
import { Broken, type Outcome, type World } from './world.js';

type Live = Extract<Payout, { status: 'live' }>;
type Failure = Extract<RailWord, { state: 'Failed' }>['failure'];
interface Transfer extends RailBookEntry {
  readonly payoutId: string;
  readonly railTransferId: string;
  readonly failure?: Failure;
}

/** Numbers below a bound, as many as are asked for. */
export type Dice = (sides: number) => number;

/** A rail that takes its time, fails, keeps its word to itself and gives money back; and what the house knows of it. */
export class WorldRail {
  readonly #transfers = new Map<string, Transfer>();

  constructor(private readonly world: World) {}

  get book(): ReadonlyMap<string, Iterable<RailBookEntry>> {
    return new Map([['sandbox', this.#transfers.values()]]);
  }

  /** One step of a payout's job; with `isKind` nothing goes wrong any more. @returns whether anything happened */
  step(payoutId: string, dice: Dice, isKind = false): boolean {
    const state = this.world.stateOf('payout', payoutId) as Payout;
    switch (state.status) {
      case 'unrequested':
      case 'barred':
      case 'waiting':
      case 'unclaimed':
      case 'cancelled':
      case 'returned':
      case 'outside':
        return false;
      case 'ready': {
        const transferNo = state.keys.length + 1;
        return happened(this.#send(payoutId, { type: 'SubmitTransfer', transferNo, key: transferKey(payoutId, transferNo) }));
      }
      case 'live': {
        if (isKind) this.settle(state.transfer.key, () => 1);
        return this.#say(payoutId, state.transfer.transferNo, this.#wordOn(state, dice, isKind));
      }
      case 'succeeded': {
        const { key, transferNo } = state.transfer;
        const known = this.#transfers.get(key);
        return known?.state === 'Reversed' && this.#say(payoutId, transferNo, cameBack(known));
      }
    }
  }

  /** A word that comes late, or again. */
  sayAgain(payoutId: string, transferNo: number): void {
    const known = this.#transfers.get(transferKey(payoutId, transferNo));
    if (known && known.state !== 'Pending') this.#say(payoutId, transferNo, definite(known));
  }

  /** Of a transfer that is under way: it is paid, or it never will be. */
  settle(key: string, dice: Dice): void {
    const known = this.#transfers.get(key);
    if (known?.state !== 'Pending') return;
    const settledAt = this.world.now;
    if (dice(4) > 0) this.#transfers.set(key, { ...known, state: 'Succeeded', settledAt });
    else {
      const failure: Failure = dice(2) === 0 ? 'Closed' : 'PayeeActionRequired';
      this.#transfers.set(key, { ...known, state: 'Failed', failure, settledAt });
    }
  }

  /** What was paid comes back. */
  bounce(key: string): void {
    const known = this.#transfers.get(key);
    if (known?.state === 'Succeeded') this.#transfers.set(key, { ...known, state: 'Reversed', settledAt: this.world.now });
  }

  payoutOf(key: string): string {
    return this.#transfers.get(key)?.payoutId ?? '';
  }

  keysIn(state: RailBookEntry['state']): readonly string[] {
    return [...this.#transfers.values()].filter((known) => known.state === state).map(({ key }) => key);
  }

  #wordOn({ requested, payee, transfer: { key } }: Live, dice: Dice, isKind: boolean): RailWord {
    const known = this.#transfers.get(key);
    const trouble = isKind ? 9 : dice(10);
    if (known === undefined) {
      // Whether it took the transfer or not, nobody is told.
      if (trouble === 0) return { state: 'Unknown', cause: 'timeout' };
      if (trouble === 1) return { state: 'FundingBlocked', code: 'NOT_ENOUGH' };
      const taken = {
        key,
        payoutId: requested.payoutId,
        amount: requested.amount,
        payee,
        takenAt: this.world.now,
        railTransferId: `rail-${key.slice(0, 8)}`,
      };
      this.#transfers.set(key, { ...taken, state: 'Pending' });
      if (trouble > 5) this.settle(key, isKind ? () => 1 : dice);
      return trouble === 2 ? { state: 'Unknown', cause: 'timeout' } : definite(this.#transfers.get(key));
    }
    return trouble === 0 ? { state: 'Unknown', cause: 'timeout' } : definite(known);
  }

  #say(payoutId: string, transferNo: number, word: RailWord): boolean {
    const outcome = this.#send(payoutId, { type: 'RecordRailWord', transferNo, word });
    if (outcome.outcome === 'rejected' && outcome.code === 'RailContradictsItself')
      throw new Broken(`${payoutId}: ${outcome.detail}`);
    return happened(outcome);
  }

  #send(payoutId: string, command: Parameters<World['send']>[2] & { type: 'SubmitTransfer' | 'RecordRailWord' }): Outcome {
    return this.world.send('payout', payoutId, command as never, 'system:payout');
  }
}

const happened = ({ outcome }: Outcome): boolean => outcome === 'appended';

const cameBack = ({ railTransferId }: Transfer): RailWord => ({ state: 'Reversed', railTransferId, code: 'ACCOUNT_CLOSED' });
function definite(known: Transfer | undefined): RailWord {
  switch (known?.state) {
    case 'Succeeded':
      return { state: 'Succeeded', railTransferId: known.railTransferId };
    case 'Reversed':
      return cameBack(known);
    case 'Failed':
      return { state: 'Failed', failure: known.failure ?? 'Closed', code: 'REFUSED' };
    case 'Pending':
    case undefined:
      return { state: 'Processing' };
  }
}

/** What the payouts of a log have paid in the end, by refund: payments less those that came back. */
export function paymentsOf(
  payments: readonly EventOf<PayoutEvent, 'PayoutSucceeded' | 'PayoutReversed'>[],
): ReadonlyMap<string, number> {
  const paid = new Map<string, number>();
  for (const { type, data } of payments) {
    if (data.purpose.kind !== 'refund') continue;
    const { refundId } = data.purpose;
    paid.set(refundId, (paid.get(refundId) ?? 0) + (type === 'PayoutSucceeded' ? 1 : -1));
  }
  return paid;
}
