export type VaultErrorCode =
  /** The subject was erased; its content is gone for good. */
  | 'Shredded'
  /** The vault never held this, or has lost it: restore its backup. */
  | 'Unknown'
  /** The ciphertext, its subject or its context is not what was encrypted. */
  | 'Tampered'
  | 'Malformed'
  | 'TooLarge'
  | 'KeyFileExists'
  | 'KeyFileMissing'
  | 'KeyFileReadableByOthers'
  | 'KeyFileMalformed'
  /** The key file is not the one this vault was written with. */
  | 'KeyFileMismatch';

/** Never carries plaintext, ciphertext or key material. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  constructor(
    readonly code: VaultErrorCode,
    message: string,
  ) {
    super(message);
  }
}
