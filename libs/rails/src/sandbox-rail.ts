import { setTimeout as delay } from 'node:timers/promises';
import { type Instant, isInstant } from '@recourse/eventing';
import { isPositive, isZero } from '@recourse/money';
import type { Kysely, Transaction } from 'kysely';
import {
  type BillPage,
  type BillQuery,
  type BookEntry,
  type Capture,
  type Movement,
  type PayoutRail,
  type QueryOutcome,
  RailError,
  type TransferFailure,
  type TransferOutcome,
  type TransferRequest,
} from './payout-rail.js';
import {
  billPage,
  type BookTables,
  captureOf,
  captures,
  feeOf,
  movements,
  railTransferIdOf,
  type TransferRow,
  transfers,
} from './sandbox-book.js';
import { instructionFor, type SandboxInstruction } from './sandbox-instruction.js';
import { isTransferKey } from './transfer-key.js';

export interface SandboxRailOptions<Tables> {
  /** Where the book is: a connection of its own where the sandbox is to outlive the house. */
  readonly db: Kysely<Tables>;
  /** Stamps transfers; a virtual clock will do, for no real money moves. */
  readonly now: () => Promise<Instant>;
  /** Default 10,000; after that the answer is Unknown, while what was asked may still happen. */
  readonly timeoutMs?: number;
  /** Default 3,000: how slow slow payees are; below the time-out, and long enough for whoever watches the book to act in between. */
  readonly slowMs?: number;
}

/** A rail that moves no money but keeps a durable book as a real one does, and misbehaves on request (`sandboxInstructions`). */
export interface SandboxRail extends PayoutRail {
  readonly isSandbox: true;
  /** The buyer pays at the gateway; harmless twice. @throws RailError CaptureDiffers, InvalidCapture, Unavailable */
  recordCapture(capture: Capture): Promise<void>;
  /** The receiving bank sends a paid transfer back; harmless twice. @throws RailError NothingToReverse, Unavailable */
  reverse(key: string, code: string): Promise<void>;
  /** Money moves in our account without us; harmless twice. @throws RailError MovementDiffers, InvalidMovement, Unavailable */
  recordMovement(movement: OutsideMovement): Promise<void>;
}

/** What somebody does at the rail's console, or the rail by itself. */
export interface OutsideMovement extends Pick<Movement, 'what' | 'amount' | 'reference'> {
  /** 1 to 64 visible ASCII characters; the same movement told twice has the same. */
  readonly movementId: string;
}

type Unknown = Extract<TransferOutcome, { state: 'Unknown' }>;

const defaultTimeoutMs = 10_000;
const defaultSlowMs = 3_000;
const transactionShape = /^[\x21-\x7e]{1,64}$/;
const maxTextLength = 256;
const requestWrong: TransferFailure = { state: 'Failed', class: 'RequestWrong', code: 'INVALID_PARAMETER' };
const refusal: SandboxInstruction = { prefix: '', meaning: 'Failed, the request is wrong', executed: requestWrong };
const conflict: TransferOutcome = { state: 'Conflict', code: 'PAYMENT_INFO_INCONSISTENCY' };
const answerLost: Unknown = { state: 'Unknown', cause: 'sandbox: the answer was lost' };

export function openSandboxRail<Tables>({
  db,
  now,
  timeoutMs = defaultTimeoutMs,
  slowMs = defaultSlowMs,
}: SandboxRailOptions<Tables>): SandboxRail {
  // the caller's type lists his tables; this library knows its own schema only
  return new PostgresSandboxRail((db as unknown as Kysely<BookTables>).withSchema('sandbox_rail'), now, timeoutMs, slowMs);
}

class PostgresSandboxRail implements SandboxRail {
  readonly name = 'sandbox';
  readonly isSandbox = true;

  constructor(
    private readonly db: Kysely<BookTables>,
    private readonly now: () => Promise<Instant>,
    private readonly timeoutMs: number,
    private readonly slowMs: number,
  ) {}

  async recordCapture(capture: Capture): Promise<void> {
    const { transaction, amount, receiver, capturedAt } = capture;
    if (!transactionShape.test(transaction) || !isStorable(receiver) || !isPositive(amount) || !isInstant(capturedAt)) {
      throw new RailError('InvalidCapture', 'a capture has a transaction id, a positive amount, a receiver and a time');
    }
    const row = { transaction, asset: amount.asset, minor: amount.minor, receiver, captured_at: capturedAt };
    await this.available(
      this.db
        .insertInto('capture')
        .values(row)
        .onConflict((known) => known.column('transaction').doNothing())
        .execute(),
    );
    const booked = await this.findCapture(transaction);
    if (booked === undefined || !isSameCapture(booked, capture)) {
      throw new RailError('CaptureDiffers', `transaction ${transaction} is in the book with other data`);
    }
  }

  async findCapture(transaction: string): Promise<Capture | undefined> {
    if (!transactionShape.test(transaction)) return undefined;
    const query = this.db.selectFrom('capture').selectAll().where('transaction', '=', transaction);
    const row = await this.available(query.executeTakeFirst());
    return row === undefined ? undefined : captureOf(row);
  }

  async reverse(key: string, code: string): Promise<void> {
    const now = await this.now();
    const sentBack = this.db
      .updateTable('transfer')
      .set({ state: 'Reversed', failure_code: code, at: now })
      .where('key', '=', key)
      .where('state', '=', 'Succeeded')
      .execute();
    await this.available(sentBack);
    const booked = await this.available(this.db.selectFrom('transfer').select('state').where('key', '=', key).executeTakeFirst());
    if (booked?.state !== 'Reversed') throw new RailError('NothingToReverse', 'no transfer of this key was paid');
  }

  async recordMovement({ movementId, what, amount, reference }: OutsideMovement): Promise<void> {
    const isKnownReference = reference === undefined || transactionShape.test(reference);
    if (!transactionShape.test(movementId) || isZero(amount) || !isKnownReference)
      throw new RailError('InvalidMovement', 'a movement has an id, an amount that is not zero, and a reference or none');
    const row = { movement_id: movementId, what, asset: amount.asset, minor: amount.minor, reference: reference ?? null };
    const at = await this.now();
    await this.available(
      this.db
        .insertInto('movement')
        .values({ ...row, at })
        .onConflict((known) => known.column('movement_id').doNothing())
        .execute(),
    );
    const query = this.db.selectFrom('movement').selectAll().where('movement_id', '=', movementId);
    const known = await this.available(query.executeTakeFirst());
    const isSame =
      known?.what === what && known.asset === amount.asset && known.minor === amount.minor && known.reference === row.reference;
    if (!isSame) throw new RailError('MovementDiffers', `movement ${movementId} is in the book with other data`);
  }

  bill(query: BillQuery): Promise<BillPage> {
    return this.available(billPage(this.db, query));
  }

  async transfer(request: TransferRequest): Promise<TransferOutcome> {
    return answered(this.timeoutMs, () => this.execute(request));
  }

  async query(key: string): Promise<QueryOutcome> {
    return answered(this.timeoutMs, () => this.lookUp(key));
  }

  async *book(): AsyncGenerator<BookEntry> {
    for (const entries of [captures(this.db), transfers(this.db), movements(this.db)]) {
      for (;;) {
        const { done, value } = await this.available(entries.next());
        if (done === true) break;
        yield value;
      }
    }
  }

  private async execute(request: TransferRequest): Promise<TransferOutcome> {
    if (!isTransferKey(request.key)) return requestWrong;
    const instruction = isSound(request) ? instructionFor(request.payee) : refusal;
    if (instruction.slow === 'before') await delay(this.slowMs);
    const outcome = await this.enter(request, instruction);
    if (instruction.slow === 'after') await delay(this.slowMs);
    return outcome;
  }

  private enter(
    request: TransferRequest,
    { firstCall, executed, answersLost, feeMinor }: SandboxInstruction,
  ): Promise<TransferOutcome> {
    const columns = columnsOf(request);
    return this.db.transaction().execute(async (trx) => {
      const inserted = await trx
        .insertInto('transfer')
        .values({
          ...columns,
          ...timesOf(firstCall === undefined ? executed : { state: 'NotExecuted' }, await this.now()),
          fee_minor: feeMinor ?? null,
          ...stateColumns(firstCall === undefined ? executed : { state: 'NotExecuted' }),
        })
        .onConflict((known) => known.column('key').doNothing())
        .returningAll()
        .executeTakeFirst();
      if (inserted !== undefined) return firstCall ?? (answersLost === undefined ? outcomeOf(inserted) : answerLost);

      const known = await trx
        .selectFrom('transfer')
        .selectAll()
        .where('key', '=', request.key)
        .forUpdate()
        .executeTakeFirstOrThrow();
      if (!isSameRequest(known, columns)) return conflict;
      return this.lookAt(trx, known.state === 'NotExecuted' ? await this.change(trx, known, executed) : known);
    });
  }

  private async lookUp(key: string): Promise<QueryOutcome> {
    if (!isTransferKey(key)) return { state: 'NotFound' };
    return this.db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('transfer').selectAll().where('key', '=', key).forUpdate().executeTakeFirst();
      return row === undefined || row.state === 'NotExecuted' ? { state: 'NotFound' } : this.lookAt(trx, row);
    });
  }

  private async lookAt(trx: Transaction<BookTables>, row: TransferRow): Promise<TransferOutcome> {
    const { settled, answersLost, comesBack } = instructionFor(row.payee);
    const next =
      row.state === 'Succeeded' && comesBack !== undefined
        ? ({ state: 'Reversed', ...comesBack } as const)
        : row.state === 'Processing'
          ? settled
          : undefined;
    const now = next === undefined ? row : await this.change(trx, row, next);
    return answersLost === 'all' ? answerLost : outcomeOf(now);
  }

  private async change(trx: Transaction<BookTables>, row: TransferRow, next: NextState): Promise<TransferRow> {
    return trx
      .updateTable('transfer')
      .set({ ...timesOf(next, await this.now(), row.paid_at), ...stateColumns(next) })
      .where('key', '=', row.key)
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  private async available<T>(work: Promise<T>): Promise<T> {
    const answer = await answered(this.timeoutMs, async () => ({ state: 'Definite', value: await work }) as const);
    if (answer.state === 'Definite') return answer.value;
    throw new RailError('Unavailable', `the sandbox rail gave no definite answer: ${answer.cause}`);
  }
}

/** Never rejects: no answer in time, and any failure, is Unknown. Work that is late goes on unheard. */
function answered<T extends object>(timeoutMs: number, work: () => Promise<T>): Promise<T | Unknown> {
  return new Promise((resolve) => {
    const late = (): void => resolve({ state: 'Unknown', cause: `no answer within ${timeoutMs} ms` });
    const timer = setTimeout(late, timeoutMs);
    work()
      .then(resolve, (error: unknown) => resolve({ state: 'Unknown', cause: causeOf(error) }))
      .finally(() => clearTimeout(timer));
  });
}

/** The code only: a message might carry an address or a value, and causes go into events. */
function causeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'error';
}

function isSound({ amount, payee, reference }: TransferRequest): boolean {
  return isPositive(amount) && isStorable(payee) && payee !== '' && (reference === '' || isStorable(reference));
}

function isStorable(text: string): boolean {
  return text !== '' && text.length <= maxTextLength && text.isWellFormed() && !text.includes('\0');
}

/** Also an unsound request is booked, as Failed, so that its key means the same for ever; PostgreSQL takes no NUL. */
function columnsOf({ key, amount, payee, reference }: TransferRequest) {
  const text = (value: string) =>
    value
      .slice(0, maxTextLength + 1)
      .toWellFormed()
      .replaceAll('\0', '\ufffd');
  return { key, asset: amount.asset, minor: amount.minor, payee: text(payee), reference: text(reference) };
}

type NextState =
  SandboxInstruction['executed'] | { readonly state: 'NotExecuted' } | { readonly state: 'Reversed'; readonly code: string };

function stateColumns(next: NextState) {
  return {
    state: next.state,
    failure_class: next.state === 'Failed' ? next.class : null,
    failure_code: next.state === 'Failed' || next.state === 'Reversed' ? next.code : null,
  };
}

const timesOf = ({ state }: NextState, at: Instant, paidAt: Instant | null = null) => ({
  at,
  paid_at: state === 'Succeeded' ? at : paidAt,
});

function outcomeOf(row: TransferRow): TransferOutcome {
  const railTransferId = railTransferIdOf(row);
  if (row.state === 'Succeeded') return { state: 'Succeeded', railTransferId, at: row.at, ...feeOf(row) };
  if (row.state === 'Reversed')
    return { state: 'Reversed', railTransferId, at: row.at, code: row.failure_code ?? '', ...feeOf(row) };
  if (row.failure_class !== null && row.failure_code !== null) {
    return { state: 'Failed', class: row.failure_class, code: row.failure_code };
  }
  return { state: 'Processing' };
}

function isSameRequest(known: TransferRow, asked: ReturnType<typeof columnsOf>): boolean {
  return (
    known.asset === asked.asset &&
    known.minor === asked.minor &&
    known.payee === asked.payee &&
    known.reference === asked.reference
  );
}

function isSameCapture(known: Capture, { amount, receiver, capturedAt }: Capture): boolean {
  return (
    known.amount.asset === amount.asset &&
    known.amount.minor === amount.minor &&
    known.receiver === receiver &&
    known.capturedAt === capturedAt
  );
}
