import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

/** Unit specs stand alone; integration specs (`*.int.spec.ts`) need the embedded stack, so one PostgreSQL is started for the run. */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@recourse/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** Specs that need a system program are a project of their own: required in CI, announced and counted where the program is missing. */
const redisSpecs = 'libs/*/conformance/**/*.redis.spec.ts';
const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis) {
  const count = globSync(redisSpecs, { cwd: import.meta.dirname }).length;
  if (process.env.CI === 'true')
    throw new Error(`redis-server is missing, and CI must run the ${count} spec file(s) that need it`);
  console.warn(`left out: the jest project "redis", ${count} spec file(s), since redis-server is not on the path`);
}

export default {
  // Integration specs mostly wait for a server process, so both cores of a small machine get a worker.
  maxWorkers: '100%',
  testTimeout: 60_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.int\\.spec\\.ts$'],
    },
    {
      ...shared,
      displayName: 'integration',
      globalSetup: '<rootDir>/tools/integration-postgres.mjs',
      globalTeardown: '<rootDir>/tools/integration-postgres-stop.mjs',
      testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.int.spec.ts', '<rootDir>/libs/*/conformance/**/*.int.spec.ts'],
    },
    ...(hasRedis ? [{ ...shared, displayName: 'redis', testMatch: [`<rootDir>/${redisSpecs}`] }] : []),
  ],
};
