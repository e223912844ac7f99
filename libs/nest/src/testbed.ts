import type { AddressInfo } from 'node:net';
import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { acceptJson, type BodyRules } from './json-body.js';
import { ProblemFilter } from './problem.js';

@Module({})
class TestModule {
  static of(controllers: Type[], providers: Provider[]): DynamicModule {
    return { module: TestModule, controllers, providers: [{ provide: APP_FILTER, useClass: ProblemFilter }, ...providers] };
  }
}

export interface TestServer {
  readonly url: string;
  /** Reads the answer as JSON. */
  call(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>;
  close(): Promise<void>;
}

export const maxBodyBytes = 1_000;

/** These controllers behind the house's filter and body rules, on a free port. */
export async function serve(controllers: Type[], providers: Provider[] = [], rules: BodyRules = {}): Promise<TestServer> {
  const app = await NestFactory.create<NestExpressApplication>(TestModule.of(controllers, providers), {
    bodyParser: false,
    abortOnError: false,
    logger: false,
  });
  acceptJson(app, maxBodyBytes, rules);
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  return {
    url,
    call: async (path, init) => {
      const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(30_000), ...init });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
    },
    close: () => app.close(),
  };
}
