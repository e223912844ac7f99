import type { TransferFailure, TransferOutcome } from './payout-rail.js';

type Final = { readonly state: 'Succeeded' } | TransferFailure;

/** What the sandbox does with transfers to a payee. */
export interface SandboxInstruction {
  readonly prefix: string;
  readonly meaning: string;
  /** The answer to the first call, which is not executed; the same key sent again is. Until then a query finds nothing. */
  readonly firstCall?: TransferOutcome;
  /** What execution leads to at once. */
  readonly executed: Final | { readonly state: 'Processing' };
  /** What a Processing transfer has become when it is next asked for. */
  readonly settled?: Final;
  /** Executed, and yet the answers are lost: of the call that executes, or of every call and query. */
  readonly answersLost?: 'first' | 'all';
  /** Once paid, it has come back when it is next asked for. */
  readonly comesBack?: { readonly code: string };
  /** What the rail takes for each transfer, in minor units of its asset. */
  readonly feeMinor?: bigint;
  /** Every call takes `slowMs` more, before anything is booked or after all of it is. A query answers at once. */
  readonly slow?: 'before' | 'after';
}

const succeeded = { state: 'Succeeded' } as const;
const processing = { state: 'Processing' } as const;
const failed = (failureClass: TransferFailure['class'], code: string): TransferFailure => ({
  state: 'Failed',
  class: failureClass,
  code,
});
const payeeMissing = failed('PayeeActionRequired', 'PAYEE_NOT_EXIST');

/** A payee's beginning says how the sandbox treats him; the first line that fits counts. Anybody else is paid at once. */
export const sandboxInstructions: readonly SandboxInstruction[] = [
  {
    prefix: 'sandbox-fail-request-',
    meaning: 'Failed, the request is wrong',
    executed: failed('RequestWrong', 'INVALID_PARAMETER'),
  },
  {
    prefix: 'sandbox-fail-closed-',
    meaning: 'Processing, then Failed: not confirmed in time and closed',
    executed: processing,
    settled: failed('Closed', 'OVERDUE_CLOSE'),
  },
  { prefix: 'sandbox-fail-', meaning: 'Failed, the payee must act', executed: payeeMissing },
  {
    prefix: 'sandbox-processing-then-success-',
    meaning: 'Processing, then Succeeded when next asked for',
    executed: processing,
    settled: succeeded,
  },
  {
    prefix: 'sandbox-processing-then-fail-',
    meaning: 'Processing, then Failed when next asked for',
    executed: processing,
    settled: payeeMissing,
  },
  { prefix: 'sandbox-processing-', meaning: 'Processing for ever', executed: processing },
  {
    prefix: 'sandbox-unknown-lost-',
    meaning: 'the first call never arrives and answers Unknown; sent again it is paid',
    firstCall: { state: 'Unknown', cause: 'sandbox: the request was lost' },
    executed: succeeded,
  },
  {
    prefix: 'sandbox-unknown-forever-',
    meaning: 'paid, but every answer is Unknown: two people must decide',
    executed: succeeded,
    answersLost: 'all',
  },
  {
    prefix: 'sandbox-unknown-fail-',
    meaning: 'Failed, but the first answer is Unknown; a query or a resend tells',
    executed: payeeMissing,
    answersLost: 'first',
  },
  {
    prefix: 'sandbox-unknown-',
    meaning: 'paid, but the first answer is Unknown; a query or a resend tells',
    executed: succeeded,
    answersLost: 'first',
  },
  {
    prefix: 'sandbox-funding-blocked-',
    meaning: 'FundingBlocked; sent again it is paid',
    firstCall: { state: 'FundingBlocked', code: 'PAYER_BALANCE_NOT_ENOUGH' },
    executed: succeeded,
  },
  {
    prefix: 'sandbox-halted-',
    meaning: 'ChannelHalted; sent again it is paid',
    firstCall: { state: 'ChannelHalted', code: 'PRODUCT_NOT_SIGN' },
    executed: succeeded,
  },
  {
    prefix: 'sandbox-bounced-',
    meaning: 'paid, and come back when next asked for, every time',
    executed: succeeded,
    comesBack: { code: 'PAYEE_ACCOUNT_CLOSED' },
  },
  {
    prefix: 'sandbox-fee-',
    meaning: 'paid at once, and the rail takes a fee of 10 minor units',
    executed: succeeded,
    feeMinor: 10n,
  },
  {
    prefix: 'sandbox-slow-before-',
    meaning: 'paid, but only some seconds after the call',
    executed: succeeded,
    slow: 'before',
  },
  {
    prefix: 'sandbox-slow-after-',
    meaning: 'paid at once, but the call is answered some seconds later',
    executed: succeeded,
    slow: 'after',
  },
];

const payAtOnce: SandboxInstruction = { prefix: '', meaning: 'paid at once', executed: succeeded };

export function instructionFor(payee: string): SandboxInstruction {
  return sandboxInstructions.find(({ prefix }) => payee.startsWith(prefix)) ?? payAtOnce;
}
