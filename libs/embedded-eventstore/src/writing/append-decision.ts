/** What a writer expects of a stream. */
export type Expected = { kind: 'any' | 'no_stream' | 'stream_exists' } | { kind: 'revision'; revision: bigint };

/** `known`: the same events were stored before, the last of them at `revision`. */
export type Verdict = { verdict: 'store' | 'wrong' | 'deleted' } | { verdict: 'known'; revision: number };

export interface StreamFacts {
  lastRevision: number;
  softDeleted: boolean;
  /** Asked only where it matters. */
  hasMetadata: () => boolean;
}

export interface KnownEvents {
  /** Revision at which the stream holds this id, if it is among the recently seen. */
  revisionOf(id: Buffer): number | undefined;
  isAt(revision: number, id: Buffer): boolean;
}

/**
 * Whether an append is stored, repeated or wrong. Only ids count, never data: a retry at the same expected revision is
 * recognised for ever, one that expects any revision as long as its ids are remembered, and known ids at the stream's
 * current revision are new events.
 */
export function verdictOn(stream: StreamFacts, expected: Expected, ids: readonly Buffer[], known: KnownEvents): Verdict {
  switch (expected.kind) {
    case 'stream_exists':
      if (stream.softDeleted) return { verdict: 'deleted' };
      if (stream.lastRevision < 0 && !stream.hasMetadata()) return { verdict: 'wrong' };
      return repeatedAnywhere(ids, known);
    case 'any':
      return repeatedAnywhere(ids, known);
    case 'no_stream':
      return atRevision(stream, -1n, ids, known);
    case 'revision':
      return atRevision(stream, expected.revision, ids, known);
  }
}

function repeatedAnywhere(ids: readonly Buffer[], known: KnownEvents): Verdict {
  let last: number | undefined;
  for (const id of ids) {
    const revision = known.revisionOf(id);
    if (revision === undefined) return { verdict: last === undefined ? 'store' : 'wrong' };
    last = revision;
  }
  return last === undefined ? { verdict: 'store' } : { verdict: 'known', revision: last };
}

function atRevision(stream: StreamFacts, expected: bigint, ids: readonly Buffer[], known: KnownEvents): Verdict {
  const last = BigInt(stream.lastRevision);
  if (expected === last) return { verdict: 'store' };
  if (expected > last || ids.length === 0) return { verdict: 'wrong' };
  let revision = Number(expected);
  for (const id of ids) {
    revision++;
    if (revision <= stream.lastRevision && known.isAt(revision, id)) continue;
    const first = revision === Number(expected) + 1;
    return { verdict: first && expected === -1n && stream.softDeleted ? 'store' : 'wrong' };
  }
  return { verdict: 'known', revision };
}
