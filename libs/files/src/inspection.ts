import { createHash } from 'node:crypto';
import type { Bytes } from './cipher.js';
import { FileError } from './error.js';
import { headBytes, maxBytesOf, mediaTypes, sniff, TextCheck, type MediaType } from './media-type.js';

export interface Inspected {
  /** Of the plaintext, 64 hex. */
  readonly sha256: string;
  readonly bytes: number;
  readonly mediaType: MediaType;
}

const typeNames = mediaTypes.join(', ');

/** Lets a content through as it arrives and knows at its end what it was. */
export class Inspection {
  private result: Inspected | undefined;

  /** @param declared what the sender says it is; undefined when he says nothing */
  constructor(private readonly declared: string | undefined) {}

  /** Once it has all gone through. */
  get inspected(): Inspected {
    if (this.result === undefined) throw new Error('the content was not read to its end');
    return this.result;
  }

  /** @throws FileError Empty, TypeRefused, TypeMismatch, TooLarge; of a content that is too large no more is read than its type may have */
  async *pass(source: Bytes): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    const text = new TextCheck();
    let waiting: Uint8Array[] = [];
    let bytes = 0;
    let type: MediaType | undefined;
    for await (const chunk of source) {
      bytes += chunk.length;
      hash.update(chunk);
      waiting.push(chunk);
      if (type === undefined && bytes < headBytes) continue;
      type ??= this.typeOf(waiting);
      demandSize(type, bytes);
      yield* checked(type, text, waiting);
      waiting = [];
    }
    if (bytes === 0) throw new FileError('Empty', 'the file is empty');
    type ??= this.typeOf(waiting);
    yield* checked(type, text, waiting);
    if (type === 'text/plain' && !text.takes()) throw refused();
    this.result = { sha256: hash.digest('hex'), bytes, mediaType: type };
  }

  private typeOf(parts: readonly Uint8Array[]): MediaType {
    const found = sniff(Buffer.concat(parts).subarray(0, headBytes));
    if (found === undefined) throw refused();
    if (this.declared !== undefined && this.declared !== found)
      throw new FileError('TypeMismatch', `the content is ${found}, not what it was sent as`);
    return found;
  }
}

const refused = () => new FileError('TypeRefused', `a file is one of ${typeNames} by its content`);

function* checked(type: MediaType, text: TextCheck, parts: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const part of parts) {
    if (type === 'text/plain' && !text.takes(part)) throw refused();
    yield part;
  }
}

function demandSize(type: MediaType, bytes: number): void {
  if (bytes > maxBytesOf(type)) throw new FileError('TooLarge', `a file of ${type} has ${maxBytesOf(type)} bytes at most`);
}
