import type { TokenClaims } from '@recourse/identity';

export interface Caller {
  readonly apiUrl: string;
  readonly apiKey: string;
  token(claims: TokenClaims): Promise<string>;
}
export interface Answer {
  readonly status: number;
  readonly replayed: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

const requestTimeoutMs = 90_000;

/** Speaks to the API as a shop or as a person, as any integrator would. */
export class Client {
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(
    private readonly installation: Caller,
    private readonly platform: string,
  ) {}

  get(as: string, path: string, atLeast?: string): Promise<Answer> {
    return this.#call(as, 'GET', path, atLeast === undefined ? {} : { 'Recourse-At-Least': atLeast });
  }

  post(as: string, path: string, body: unknown, key: string): Promise<Answer> {
    return this.#call(as, 'POST', path, { 'Idempotency-Key': key }, body ?? {});
  }

  async #call(as: string, method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.installation.apiUrl}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${await this.#credential(as)}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    return {
      status: response.status,
      replayed: response.headers.get('Idempotency-Replayed') === 'true',
      body: (await response.json()) as Record<string, unknown>,
    };
  }

  #credential(as: string): Promise<string> {
    if (as === 'shop') return Promise.resolve(this.installation.apiKey);
    const known = this.#tokens.get(as);
    if (known !== undefined) return known;
    const [role = '', party = ''] = as.split(':');
    const token = this.installation.token({
      sub: `${role}-${party}`,
      role: role as TokenClaims['role'],
      party,
      platform: this.platform,
    });
    this.#tokens.set(as, token);
    return token;
  }
}
