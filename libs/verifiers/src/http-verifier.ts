import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { BreakerOpen, type BreakerOptions, CircuitBreaker } from './circuit-breaker.js';
import { conclude } from './conclusion.js';
import { doubtful, type RecordSource } from './record-source.js';
import type { SigningKey } from './signature.js';
import { exchange, type Exchange } from './signed-exchange.js';
import { type VerificationAnswer, type VerificationQuestion, type Verifier, VerifierUnavailable } from './verifier.js';

export interface HttpVerifierOptions {
  readonly source: RecordSource;
  /** Of whoever keeps the records; the path of the kind of record goes behind it. See `addressFault`. */
  readonly url: URL;
  readonly key: SigningKey;
  /** Told of what settled nothing, and of a source that begins or ceases to fail. No reference, no secret. */
  readonly onTrouble?: (what: string) => void;
  /** Default 4,000; for one attempt. */
  readonly attemptTimeoutMs?: number;
  /** Default 12,000; for all attempts and the pauses between them. */
  readonly overallTimeoutMs?: number;
  /** Default 3. */
  readonly attempts?: number;
  /** Default 200; before the second attempt, doubling, each time off by up to half of it. */
  readonly pauseMs?: number;
  /** Default 65,536. */
  readonly maxAnswerBytes?: number;
  readonly breaker?: BreakerOptions;
  /** The machine's clock in milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
}

const isFailure = ({ is }: Exchange): boolean => is !== 'answered';

/** Asks one source over HTTP, with signed requests and answers. What was not signed by it is never believed. */
export class HttpVerifier implements Verifier {
  /** Who says so, as it stands in the snapshot. */
  readonly name: string;
  private readonly url: URL;
  private readonly breaker: CircuitBreaker;

  constructor(private readonly options: HttpVerifierOptions) {
    const { source, url, breaker } = options;
    this.name = `${source.name}:${url.host}`;
    this.url = new URL(url.pathname.replace(/\/$/, '') + source.path, url);
    this.breaker = new CircuitBreaker(breaker);
  }

  async verify(question: VerificationQuestion, signal?: AbortSignal): Promise<VerificationAnswer> {
    const late = AbortSignal.timeout(this.options.overallTimeoutMs ?? 12_000);
    const answer = await this.ask(question, signal === undefined ? late : AbortSignal.any([signal, late])).catch(
      (error: unknown) => {
        signal?.throwIfAborted();
        throw late.aborted ? new VerifierUnavailable(this.name, 'its time is over') : error;
      },
    );
    const finding = this.findingOf(answer, question);
    if (finding.is === 'pending') throw new VerifierUnavailable(this.name, 'its record is not settled yet');
    if (finding.is === 'doubtful') this.options.onTrouble?.(`${this.name} settled nothing: ${finding.why}`);
    return {
      outcome: finding.is === 'settled' ? finding.outcome : 'INCONCLUSIVE',
      source: this.name,
      resultHash: createHash('sha256').update(answer.body).digest('hex'),
      raw: Buffer.from(answer.body).toString('utf8'),
    };
  }

  private findingOf(answer: Extract<Exchange, { body: Uint8Array }>, question: VerificationQuestion) {
    if (answer.is === 'untrusted') return doubtful(answer.why);
    return answer.isKnown ? conclude(this.options.source, answer.body, question) : doubtful('it knows no such reference');
  }

  /** @throws VerifierUnavailable when the last attempt brought nothing */
  private async ask(
    { deliveryReference }: VerificationQuestion,
    signal: AbortSignal,
  ): Promise<Extract<Exchange, { body: Uint8Array }>> {
    const { attempts = 3, pauseMs = 200 } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.attempt(deliveryReference, signal);
      const isLast = attempt >= attempts;
      switch (outcome.is) {
        case 'answered':
          return outcome;
        case 'refused':
          throw new VerifierUnavailable(this.name, outcome.why);
        case 'untrusted':
          if (isLast) return outcome;
          break;
        case 'failed':
          // Whoever says when to come back is believed; what is further off than our patience is left to whoever asks again.
          if (isLast || outcome.retryAfterMs > maxRetryAfterMs)
            throw new VerifierUnavailable(this.name, outcome.why, outcome.retryAfterMs);
          break;
      }
      const wanted = pauseMs * 2 ** (attempt - 1) * (0.5 + Math.random());
      await pause(Math.max(wanted, outcome.is === 'failed' ? outcome.retryAfterMs : 0), undefined, { signal });
    }
  }

  private async attempt(reference: string, signal: AbortSignal): Promise<Exchange> {
    const { key, attemptTimeoutMs = 4_000, maxAnswerBytes = 65_536, now = Date.now, onTrouble } = this.options;
    const before = this.breaker.state;
    try {
      const outcome = await this.breaker.run(
        () => exchange(this.url, { reference }, { key, timeoutMs: attemptTimeoutMs, maxBytes: maxAnswerBytes, now, signal }),
        isFailure,
      );
      const after = this.breaker.state;
      if (before !== after && after === 'open' && outcome.is !== 'answered')
        onTrouble?.(`${this.name} is left alone for a while: ${outcome.why}`);
      if (before !== after && after === 'closed') onTrouble?.(`${this.name} answers again`);
      return outcome;
    } catch (error) {
      throw error instanceof BreakerOpen ? new VerifierUnavailable(this.name, error.message, error.retryAfterMs) : error;
    }
  }
}

/** The longest Retry-After that an attempt waits for. */
const maxRetryAfterMs = 3_000;
