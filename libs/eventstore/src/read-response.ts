import type { StoredEvent } from './stored-event.js';

/** What a subscription to the log is sent; `other` is what nobody here asks for. */
export type ReadResponse =
  | { readonly kind: 'event'; readonly event: StoredEvent | undefined }
  | { readonly kind: 'checkpoint'; readonly position: bigint }
  | { readonly kind: 'caughtUp' | 'other' };

/**
 * Reads one message of the protocol's Read call. The client's own way, through a protobuf object, a stream and a parsed copy of
 * each event, takes twice the time of everything else that is done to read; here content is parsed when somebody asks for it.
 * @throws RangeError when the bytes are not such a message
 */
export function readResponse(bytes: Buffer): ReadResponse {
  const message = new Fields(bytes, 0, bytes.length);
  while (message.next()) {
    switch (message.field) {
      case 1:
        return { kind: 'event', event: eventOf(message.message()) };
      case 3:
        return { kind: 'checkpoint', position: numberIn(message.message(), 1) };
      case 8:
        return { kind: 'caughtUp' };
      default:
        message.skip();
    }
  }
  return { kind: 'other' };
}

/** undefined: a link to an event that is gone. */
function eventOf(resolved: Fields): StoredEvent | undefined {
  let event: StoredEvent | undefined;
  while (resolved.next()) {
    if (resolved.field === 1) event = recordOf(resolved.message());
    else resolved.skip();
  }
  return event;
}

function recordOf(record: Fields): StoredEvent {
  const known: Record<string, string> = {};
  let [id, stream, revision, position] = ['', '', 0n, 0n];
  let [metadata, data] = [nothing, nothing];
  while (record.next()) {
    switch (record.field) {
      case 1:
        id = uuidOf(record.message());
        break;
      case 2:
        stream = textIn(record.message(), 3);
        break;
      case 3:
        revision = record.uint64();
        break;
      case 5:
        position = record.uint64();
        break;
      case 6: {
        const entry = record.message();
        let [key, value] = ['', ''];
        while (entry.next()) {
          if (entry.field === 1) key = entry.text();
          else value = entry.text();
        }
        known[key] = value;
        break;
      }
      case 7:
        metadata = record.bytes();
        break;
      case 8:
        data = record.bytes();
        break;
      default:
        record.skip();
    }
  }
  return new WireEvent(id, known['type'] ?? '', stream, revision, position, known['content-type'] === json, metadata, data);
}

const nothing: Buffer = Buffer.alloc(0);
const json = 'application/json';

class WireEvent implements StoredEvent {
  readonly #isJson: boolean;
  readonly #metadata: Buffer;
  readonly #data: Buffer;

  constructor(
    readonly id: string,
    readonly type: string,
    readonly stream: string,
    readonly revision: bigint,
    readonly position: bigint,
    isJson: boolean,
    metadata: Buffer,
    data: Buffer,
  ) {
    this.#isJson = isJson;
    this.#metadata = metadata;
    this.#data = data;
  }

  /** Parsed anew at each call. @throws SyntaxError */
  get data(): unknown {
    return this.#isJson ? JSON.parse(this.#data.toString()) : this.#data;
  }

  get metadata(): unknown {
    try {
      return JSON.parse(this.#metadata.toString());
    } catch {
      return undefined;
    }
  }
}

function numberIn(message: Fields, field: number): bigint {
  let value = 0n;
  while (message.next()) {
    if (message.field === field) value = message.uint64();
    else message.skip();
  }
  return value;
}

function textIn(message: Fields, field: number): string {
  let value = '';
  while (message.next()) {
    if (message.field === field) value = message.text();
    else message.skip();
  }
  return value;
}

/** As text, which is asked for, or as two halves of 64 bits, which a server may answer all the same. */
function uuidOf(id: Fields): string {
  while (id.next()) {
    if (id.field === 2) return id.text();
    if (id.field === 1) {
      const halves = id.message();
      const hex = [0n, 0n];
      while (halves.next()) hex[halves.field - 1] = BigInt.asUintN(64, halves.uint64());
      const digits = hex.map((half) => half.toString(16).padStart(16, '0')).join('');
      return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    }
    id.skip();
  }
  return '';
}

const bitsOfType = 3;
/** A number holds what seven bytes of seven bits hold. */
const exactBytes = 7;
const mostBytes = 10;

/** The fields of a protobuf message, one after the other; the caller reads or skips the value of each. */
class Fields {
  field = 0;
  #wireType = 0;

  constructor(
    private readonly source: Buffer,
    private at: number,
    private readonly end: number,
  ) {}

  next(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.varint();
    this.field = tag >>> bitsOfType;
    this.#wireType = tag & 7;
    return true;
  }

  uint64(): bigint {
    this.demand(0);
    const start = this.at;
    const value = this.varint();
    if (this.at - start <= exactBytes) return BigInt(value);
    let exact = 0n;
    for (let at = this.at - 1; at >= start; at -= 1) exact = (exact << 7n) | BigInt((this.source[at] ?? 0) & 0x7f);
    return BigInt.asUintN(64, exact);
  }

  text(): string {
    const start = this.pass();
    return this.source.toString('utf8', start, this.at);
  }

  /** A part of the message, not a copy. */
  bytes(): Buffer {
    const start = this.pass();
    return this.source.subarray(start, this.at);
  }

  message(): Fields {
    const start = this.pass();
    return new Fields(this.source, start, this.at);
  }

  skip(): void {
    if (this.#wireType === 0) this.varint();
    else if (this.#wireType === 1) this.advance(8);
    else if (this.#wireType === 5) this.advance(4);
    else this.pass();
  }

  /** Moves behind a value of a given length. @returns where it begins */
  private pass(): number {
    this.demand(2);
    const length = this.varint();
    const start = this.at;
    this.advance(length);
    return start;
  }

  private advance(bytes: number): void {
    if (bytes > this.end - this.at) throw new RangeError('a field of the message is longer than the message');
    this.at += bytes;
  }

  private demand(wireType: number): void {
    if (this.#wireType !== wireType) throw new RangeError(`field ${this.field} has the wire type ${this.#wireType}`);
  }

  private varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < mostBytes; count += 1) {
      if (this.at >= this.end) throw new RangeError('the message ends within a number');
      const byte = this.source[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new RangeError('a number of the message is longer than ten bytes');
  }
}
