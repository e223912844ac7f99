import { randomUUID } from 'node:crypto';
import type { EventSketch, Wire } from '../wire.js';

/** What a case works with: names and ids of its own, so that cases do not see each other's streams. */
export interface CaseContext {
  wire: Wire;
  stream(label: string): string;
  id(label: string): string;
  event(label: string, more?: Partial<EventSketch>): EventSketch;
  events(count: number, prefix?: string): EventSketch[];
}

/** By the name under which `facts.json` holds what EventStoreDB 24.2.0 answered. */
export type RecordedCases = Readonly<Record<string, (t: CaseContext) => Promise<unknown>>>;

export function caseContext(wire: Wire): { context: CaseContext; tag: string; ids: ReadonlyMap<string, string> } {
  const tag = randomUUID().slice(0, 8);
  const ids = new Map<string, string>();
  const id = (label: string) => {
    const known = ids.get(label) ?? randomUUID();
    ids.set(label, known);
    return known;
  };
  const event = (label: string, more?: Partial<EventSketch>): EventSketch => ({ id: id(label), ...more });
  const events = (count: number, prefix = 'e') => Array.from({ length: count }, (_, index) => event(`${prefix}${index}`));
  return { context: { wire, stream: (label) => `${tag}:${label}`, id, event, events }, tag, ids };
}
