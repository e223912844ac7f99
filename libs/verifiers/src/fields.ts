import { epochMsOf, instantOf, isInstant, type Instant } from '@recourse/eventing';
import { fromJson, MoneyError, type Money } from '@recourse/money';

/** An answer that is not what the protocol says; the message says what, and repeats nothing of it. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/**
 * The members of a JSON object, each taken by name and type. One that nobody took may change what the others mean, so it makes the
 * object unreadable: a source says new things under a new version of the path. Every method @throws Unreadable
 */
export class Fields {
  private readonly left: Map<string, unknown>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unreadable('an object is expected');
    this.left = new Map(Object.entries(value));
  }

  has(name: string): boolean {
    return this.left.has(name);
  }

  text(name: string, maxCharacters: number): string {
    const value = this.take(name);
    if (typeof value !== 'string' || value.length > maxCharacters)
      throw new Unreadable(`${name} is not a text of at most ${maxCharacters} characters`);
    return value;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const value = this.take(name);
    const known = values.find((candidate) => candidate === value);
    if (known === undefined) throw new Unreadable(`${name} is none of ${values.join(', ')}`);
    return known;
  }

  flag(name: string): boolean {
    const value = this.take(name);
    if (typeof value !== 'boolean') throw new Unreadable(`${name} is neither true nor false`);
    return value;
  }

  instant(name: string): Instant {
    const value = this.take(name);
    // The 30th of February is written like a day and is none.
    if (typeof value !== 'string' || !isInstant(value) || instantOf(epochMsOf(value)) !== value)
      throw new Unreadable(`${name} is not a moment in UTC with milliseconds`);
    return value;
  }

  money(name: string): Money {
    const value = this.take(name);
    try {
      return fromJson(value);
    } catch (error) {
      if (error instanceof MoneyError) throw new Unreadable(`${name} is not an amount of money`);
      throw error;
    }
  }

  list(name: string, maxItems: number): readonly unknown[] {
    const value = this.take(name);
    if (!Array.isArray(value) || value.length > maxItems)
      throw new Unreadable(`${name} is not a list of at most ${maxItems} items`);
    return value as readonly unknown[];
  }

  end(): void {
    if (this.left.size > 0) throw new Unreadable('it has members that the protocol does not have');
  }

  private take(name: string): unknown {
    const value = this.left.get(name);
    this.left.delete(name);
    return value;
  }
}
