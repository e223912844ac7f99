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
function projectOf(displayName, program, specs, more = {}) {
  if (spawnSync(program, ['--version']).status === 0)
    return [{ ...shared, ...more, displayName, testMatch: [`<rootDir>/${specs}`] }];
  const count = globSync(specs, { cwd: import.meta.dirname }).length;
  if (process.env.CI === 'true') throw new Error(`${program} is missing, and CI must run the ${count} spec file(s) that need it`);
  console.warn(`left out: the jest project "${displayName}", ${count} spec file(s), since ${program} is not on the path`);
  return [];
}
/** jest runs a set-up once, however many projects name it. */
const postgres = {
  globalSetup: '<rootDir>/tools/integration-postgres.mjs',
  globalTeardown: '<rootDir>/tools/integration-postgres-stop.mjs',
};

export default {
  // Integration specs mostly wait for a server process, so both cores of a small machine get a worker.
  maxWorkers: '100%',
  testTimeout: 60_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.(int|hledger)\\.spec\\.ts$'],
    },
    {
      ...shared,
      displayName: 'integration',
      ...postgres,
      testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.int.spec.ts', '<rootDir>/libs/*/conformance/**/*.int.spec.ts'],
    },
    ...projectOf('redis', 'redis-server', 'libs/*/conformance/**/*.redis.spec.ts'),
    ...projectOf('hledger', 'hledger', 'apps/*/src/**/*.hledger.spec.ts', postgres),
  ],
};
