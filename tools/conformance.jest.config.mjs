import { globSync } from 'node:fs';
import repository from '../jest.config.mjs';

/**
 * `EVENTSTORE_URL=esdb://HOST:PORT?tls=false` asks the server there, any other start a node of the suite's own.
 * Specs in folders are guarantees of every server of the protocol; those in the folder itself are promises of this node alone.
 */
const folder = 'libs/embedded-eventstore/conformance';
const portable = `${folder}/*/**/*.int.spec.ts`;
const nodeOnly = `${folder}/*.int.spec.ts`;

const { rootDir, testEnvironment, testEnvironmentOptions, extensionsToTreatAsEsm, moduleNameMapper, transform } =
  repository.projects.find(({ displayName }) => displayName === 'unit');
const asksAnother = (process.env.EVENTSTORE_URL ?? '') !== '';
if (asksAnother) {
  const names = globSync(nodeOnly, { cwd: rootDir }).map((path) => path.slice(folder.length + 1, -'.int.spec.ts'.length));
  console.warn(`left out: ${names.length} spec files with promises of the embedded node alone (${names.sort().join(', ')})`);
}

export default {
  rootDir,
  testEnvironment,
  testEnvironmentOptions,
  extensionsToTreatAsEsm,
  moduleNameMapper,
  modulePathIgnorePatterns: ['/dist/'],
  transform,
  // What is recorded holds only while nobody else writes, and another server is one for all spec files.
  maxWorkers: asksAnother ? 1 : '100%',
  testTimeout: 60_000,
  testMatch: [`<rootDir>/${portable}`, ...(asksAnother ? [] : [`<rootDir>/${nodeOnly}`])],
};
