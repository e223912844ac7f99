import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger, type ValidationError } from '@nestjs/common';
import { isTransient } from '@recourse/eventstore';
import { MoneyError } from '@recourse/money';
import type { Request, Response } from 'express';

export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/**
 * An answer that is not what was asked for (RFC 9457). `code` is stable and names the kind; `detail` says what was wrong
 * and what to do, and never repeats a secret.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    /** lower-case words with hyphens, such as `order-unknown` */
    readonly code: string,
    detail: string,
    readonly more: { readonly faults?: readonly FieldFault[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
  }
}

/** `OrderUnknown` → `order-unknown`. */
export const kebab = (code: string): string =>
  code.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Credentials are missing or not valid',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflicts with the present state',
  413: 'Request too large',
  415: 'Unsupported media type',
  422: 'Not acceptable as it stands',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not available right now',
};

const faultsOf = (errors: readonly ValidationError[], path = ''): FieldFault[] =>
  errors.flatMap((error) => {
    const field = path === '' ? error.property : `${path}.${error.property}`;
    return [
      ...Object.values(error.constraints ?? {}).map((message) => ({ field, message })),
      ...faultsOf(error.children ?? [], field),
    ];
  });

/** An answer must not grow with what was sent. */
const maxFaults = 50;
const maxFaultLength = 200;

/** For the ValidationPipe's `exceptionFactory`. */
export const invalidInput = (errors: ValidationError[]): Problem =>
  new Problem(400, 'invalid-input', 'some fields are not as they must be; see faults', {
    faults: faultsOf(errors)
      .slice(0, maxFaults)
      .map(({ field, message }) => ({ field: field.slice(0, maxFaultLength), message: message.slice(0, maxFaultLength) })),
  });

/** What a client is told of an error; undefined for one that is nobody's fault but ours. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof HttpException) {
    if (error.getStatus() === 404) return new Problem(404, 'not-found', 'there is nothing at this address');
    return new Problem(error.getStatus(), kebab(error.constructor.name.replace(/Exception$/, '')), error.message);
  }
  if (error instanceof URIError) return new Problem(400, 'broken-url', 'the address is not well encoded');
  if (error instanceof MoneyError) return new Problem(422, `amount-${kebab(error.code)}`, error.message);
  if (isTransient(error))
    return new Problem(
      503,
      'store-unavailable',
      'the event store does not answer in time; send this again, a write with the same Idempotency-Key',
      {
        headers: { 'Retry-After': '2' },
      },
    );
  return undefined;
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const known = problemOf(error);
    // Only the kind of an unexpected error is logged beside its stack; request bodies never are.
    if (known === undefined)
      this.logger.error(error instanceof Error ? (error.stack ?? error.message) : 'a value that is no error was thrown');
    const problem =
      known ??
      new Problem(
        500,
        'internal',
        'something went wrong here; nothing is lost, send the request again with the same Idempotency-Key',
      );
    if (response.headersSent) {
      response.end();
      return;
    }
    for (const [name, value] of Object.entries(problem.more.headers ?? {})) response.setHeader(name, value);
    response
      .status(problem.status)
      .type('application/problem+json')
      .send(
        JSON.stringify({
          type: `urn:recourse:problem:${problem.code}`,
          title: titles[problem.status] ?? 'Problem',
          status: problem.status,
          detail: problem.message,
          instance: request.path,
          ...(problem.more.faults === undefined ? {} : { faults: problem.more.faults }),
        }),
      );
  }
}
