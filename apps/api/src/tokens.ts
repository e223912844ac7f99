/** Names of what the app injects that has no class. */
export const clockToken = Symbol('clock');
export const eventStoreToken = Symbol('event store');
export const databaseToken = Symbol('database');
export const queueToken = Symbol('queue');
export const uploadsToken = Symbol('uploads');
export const vaultToken = Symbol('vault');
export const railsToken = Symbol('rails');
export const sandboxRailToken = Symbol('sandbox rail');
export const sandboxVerifierToken = Symbol('sandbox verifier');
export const settingsToken = Symbol('settings');
