import type { Event, DataOf } from './event.js';

/**
 * The shapes one event type has had, oldest first, and the step from each to the next.
 * Build it with `shape<V1>().then<V2>(step).then<V3>(step)`; its version is the number of shapes.
 */
export interface Shapes<Newest> {
  readonly version: number;
  /** @param version the stored shape's number, from 1. @throws RangeError for a version this program does not know. */
  upcast(data: unknown, version: number): Newest;
  then<Next>(step: (older: Newest) => Next): Shapes<Next>;
}

function chain<Newest>(steps: readonly ((older: never) => unknown)[]): Shapes<Newest> {
  const version = steps.length + 1;
  return {
    version,
    upcast(data, stored) {
      if (!Number.isInteger(stored) || stored < 1 || stored > version) {
        throw new RangeError(`schema version ${stored} is not one of 1 to ${version}`);
      }
      return steps.slice(stored - 1).reduce<unknown>((older, step) => step(older as never), data) as Newest;
    },
    then: (step) => chain([...steps, step]),
  };
}

/** The first shape of an event type. */
export const shape = <First>(): Shapes<First> => chain<First>([]);

/**
 * Every event type of a union with the shapes it has had. `1` stands for a type that never changed.
 * A type left out, or a chain that does not end in today's shape, does not compile.
 */
export type Catalogue<E extends Event> = { readonly [Type in E['type']]: 1 | Shapes<DataOf<E, Type>> };

/** Any union's catalogue, as readers that serve all unions see it. */
export type AnyCatalogue = Readonly<Record<string, 1 | Pick<Shapes<unknown>, 'version' | 'upcast'>>>;

export class UnknownEventType extends Error {
  override readonly name = 'UnknownEventType';
  constructor(readonly eventType: string) {
    super(`event type ${eventType} is not known to this program; a newer one wrote it`);
  }
}

export function currentVersion(catalogue: AnyCatalogue, type: string): number {
  const entry = Object.hasOwn(catalogue, type) ? catalogue[type] : undefined;
  if (entry === undefined) throw new UnknownEventType(type);
  return entry === 1 ? 1 : entry.version;
}

/** @throws UnknownEventType, RangeError (a version from the future) */
export function upcast(catalogue: AnyCatalogue, type: string, data: unknown, version: number): unknown {
  const entry = Object.hasOwn(catalogue, type) ? catalogue[type] : undefined;
  if (entry === undefined) throw new UnknownEventType(type);
  if (entry !== 1) return entry.upcast(data, version);
  if (version !== 1) throw new RangeError(`schema version ${version} of ${type} is not 1`);
  return data;
}
