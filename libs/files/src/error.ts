export type FileErrorCode =
  | 'Empty'
  | 'TooLarge'
  /** Not one of the types that are taken, or text that is none. */
  | 'TypeRefused'
  /** The content is of another type than was declared. */
  | 'TypeMismatch'
  /** This side of the case has no room for another file. */
  | 'NoRoom'
  /** The store does not hold it: it was removed, or is lost and comes back with the backup. */
  | 'Missing'
  /** Cut, changed, or another file than the one that was stored here. */
  | 'Tampered'
  | 'StoreUnusable';

/** Never carries content or key material. */
export class FileError extends Error {
  override readonly name = 'FileError';
  constructor(
    readonly code: FileErrorCode,
    message: string,
  ) {
    super(message);
  }
}
