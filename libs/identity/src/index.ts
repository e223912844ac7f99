export { type ApiKey, type CreatedApiKey } from './api-key.js';
export { AuthenticationError, type AuthenticationErrorCode } from './authentication-error.js';
export { isId, type TokenClaims, type TokenRole, tokenRoles } from './claims.js';
export { createDevelopmentKeys, developmentIssuer, type DevelopmentKeys, signToken } from './development-keys.js';
export { type Identity, type IdentityOptions, openIdentity } from './identity.js';
export { migrations } from './migrations.js';
export { audience } from './token.js';
