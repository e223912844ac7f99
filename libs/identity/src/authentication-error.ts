export type AuthenticationErrorCode =
  /** No credential was sent. */
  | 'missing'
  /** Not the shape of a credential, or a claim is missing or ill-typed. */
  | 'malformed'
  /** An API key that does not exist, a token signed with a key that is not ours, or issued by or for somebody else. */
  | 'unknown'
  | 'revoked'
  /** Outside its time: over, not begun, or older than 24 h. */
  | 'expired'
  /** The secret or the signature does not match, or the algorithm is not the one agreed. */
  | 'forged'
  /** The key server did not answer; the credential may be good. */
  | 'unavailable';

/** Why a credential was not accepted; never carries any part of it. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
  constructor(
    readonly code: AuthenticationErrorCode,
    message: string,
  ) {
    super(message);
  }
}
