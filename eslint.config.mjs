import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const domainLibs = ['orders', 'disputes', 'deposits', 'compensation', 'merchants'];

/** Nest's in-memory event machinery drops errors and loses events; the event store is the only carrier of events (ADR 0001). */
const nestEvents = {
  name: '@nestjs/cqrs',
  importNames: ['EventBus', 'AggregateRoot', 'EventPublisher', 'Saga', 'EventsHandler', 'IEventHandler', 'UnhandledExceptionBus'],
  message: 'Events live in the event store only: write a Projection or a Process (docs/adr).',
};
/** Another domain library is known by its event and command types, never by its deciders. */
const deciders = domainLibs.map((lib) => ({
  name: `@recourse/${lib}`,
  message: `Import types from @recourse/${lib}/events; deciders are wired in apps only.`,
}));
const io = [
  {
    group: ['node:*', 'fs', 'fs/*', 'crypto', 'path', 'http', 'https', 'net', 'os', 'child_process'],
    message: 'The domain does no I/O.',
  },
  { group: ['@nestjs/*', 'pg', 'kysely', 'bullmq', 'ioredis', '@eventstore/*', 'lmdb'], message: 'The domain knows no adapter.' },
];
const restricted = (paths, patterns = []) => ({
  'no-restricted-imports': ['error', { paths: [nestEvents, ...paths], patterns }],
});

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '.recourse/**', 'bench-results/**'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { requireDefaultForNonUnion: false }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // An import of types only must vanish, or it would load its module and close cycles at run time.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-console': 'error',
      ...restricted([]),
    },
  },
  {
    files: ['**/*.ts', '**/*.mjs'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: [
            { sourceTag: 'type:kernel', onlyDependOnLibsWithTags: ['type:kernel'] },
            { sourceTag: 'type:domain', onlyDependOnLibsWithTags: ['type:kernel', 'type:domain'] },
            { sourceTag: 'type:adapter', onlyDependOnLibsWithTags: ['type:kernel', 'type:domain', 'type:adapter'] },
            { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:kernel', 'type:domain', 'type:adapter'] },
            { sourceTag: 'name:money', onlyDependOnLibsWithTags: [] },
            { sourceTag: 'name:embedded-eventstore', onlyDependOnLibsWithTags: [] },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/{money,eventing}/src/**/*.ts'],
    rules: restricted([], io),
  },
  {
    files: ['libs/{orders,disputes,deposits,compensation,processes,ledger}/src/**/*.ts'],
    rules: {
      ...restricted(deciders, io),
      'no-restricted-globals': [
        'error',
        { name: 'Date', message: 'Time arrives in the command.' },
        { name: 'process', message: 'The domain does no I/O.' },
      ],
    },
  },
  {
    files: ['libs/postgres/src/**/*.ts'],
    rules: restricted(deciders),
  },
  {
    files: ['apps/cli/src/**/*.ts', 'libs/*/bench/**/*.ts', 'tools/**/*.mjs'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.spec.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  prettier,
);
