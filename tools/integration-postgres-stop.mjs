/** jest wants its global tear-down in a module of its own. */
export { stop as default } from './integration-postgres.mjs';
