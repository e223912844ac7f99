/** Every bound of the node in one place; the README explains them. */

/** Data of all events of one append, inclusive; the value of EventStoreDB. Metadata does not count. */
export const maxAppendDataBytes = 1_048_576;
/** Everything one append occupies: data, metadata, types and a share per event. */
export const maxAppendTotalBytes = 16 * 1024 * 1024;
export const appendEventOverheadBytes = 128;
/** One gRPC message to the node. */
export const maxRequestBytes = 17 * 1024 * 1024;
export const maxStreamNameBytes = 4_096;
export const maxEventTypeBytes = 4_096;

/** Accepted but not yet on disk; above it new appends wait, and their calls are not read further. */
export const maxPendingBytes = 32 * 1024 * 1024;
export const maxPendingEvents = 16_384;
/** Appends of one BatchAppend call that are begun but not final. */
export const maxUnfinishedAppends = 1_024;
/** Appends of one BatchAppend call that are accepted but not answered; above it the call is not read further. */
export const maxUnansweredAppends = 4_096;

/** A file of the log that has reached this size is followed by a new one. */
export const chunkBytes = 64 * 1024 * 1024;
/** Files of the log that are open at once. */
export const openChunkFiles = 128;
/** So far the newest file of the log is filled with zeros ahead of what is written. */
export const filledAheadBytes = 1024 * 1024;
/** Writes up to this size are made on the node's own thread, as long as they usually take less than that. */
export const writtenInPlaceBytes = 64 * 1024;
export const writtenInPlaceMs = 0.5;
/** One read of the log's files. */
export const readBlockBytes = 256 * 1024;

/** Durable events that the index on disk does not have yet: from so many on they are indexed. */
export const indexAfterEvents = 16_384;
/** With so many not indexed, new appends wait. */
export const maxUnindexedEvents = 131_072;
/** So much is indexed at once when a node starts or stops; more is left to the index thread. */
export const indexedInlineBytes = 4 * 1024 * 1024;
/** One transaction of the index. */
export const indexedAtOnce = 32_768;

/** Event ids remembered for appends that expect any revision; must exceed twice `maxPendingEvents`. */
export const knownEventIds = 65_536;
/** On start ids are taken from so much of the log's end, if that is fewer than `knownEventIds`. */
export const recalledBytes = 32 * 1024 * 1024;
export const cachedStreamStates = 50_000;

/** One page of a read, of a subscription's history and of its live part: whichever comes first. */
export const pageEvents = 256;
export const pageBytes = 1024 * 1024;
/** A filtered scan that drops most events takes pages of up to this many, as long as one page keeps the thread no longer than so. */
export const scanPageEvents = 2_048;
export const scanTurnMs = 2;
/** A live subscriber has fallen behind when its client let it wait so long in all since it last had everything, and more than a page is unsent. */
export const slowClientMs = 1_000;

/** Written to one call but not yet taken by its client; above it nothing more is read for that call. */
export const maxUnsentBytes = 1024 * 1024;

export const maxFilterPatternLength = 1_024;
export const maxFilterPrefixes = 1_024;
/** Steps a pattern may need for the longest subject there can be and still run on the node's own thread: about 0.1 ms. */
export const maxStraightSteps = 65_536;
/** Any other pattern runs in the pattern thread and may take this long for one page of events; then its call ends. */
export const filterPageTimeoutMs = 1_000;
/** Answers of the pattern thread that a filter remembers, and how long a subject may be to be remembered. */
export const knownSubjects = 1_024;
export const knownSubjectLength = 128;
/** Compiled patterns the pattern thread keeps. */
export const compiledPatterns = 64;
export const patternThreadStartMs = 30_000;
/** Without a page for so long the pattern thread ends; the next page starts another. */
export const patternThreadIdleMs = 30_000;
export const patternThreadMegabytes = 64;

/** Concurrent calls of one connection. */
export const maxConcurrentCalls = 1_024;
/** On stop, calls that do not end by themselves are cut after this. */
export const stopGraceMs = 2_000;
/** Events received by the node for appends that are not final yet, over all calls; above it such appends are refused. */
export const maxInboundBytes = 256 * 1024 * 1024;

/** The transport: connections, HTTP/2, gRPC, HTTP endpoints. */
export const maxConnections = 20_000;
/** A connection that by then has neither begun HTTP/2 nor sent a whole HTTP/1.1 request is cut. */
export const firstRequestTimeoutMs = 10_000;
/** After `stopGraceMs`, calls that are still open get so long to hear that they are over. */
export const lastWordsMs = 100;
export const tcpKeepAliveMs = 60_000;
/** Messages of one call written in the same turn leave as one piece of about this size, or larger if one message is. */
export const packBytes = 64 * 1024;
/** Written to all calls but not yet taken; above it each call is held to `packBytes` of its own instead of `maxUnsentBytes`. */
export const maxUnsentTotalBytes = 64 * 1024 * 1024;
/** What a client may send to one call, and over one connection, ahead of what the node has taken. */
export const callWindowBytes = 256 * 1024;
export const connectionWindowBytes = 4 * 1024 * 1024;
export const maxFrameBytes = 64 * 1024;
export const maxHeaderBytes = 16 * 1024;
export const maxHeaderCount = 64;
/** Megabytes HTTP/2 may hold for one connection: its unsent bytes by the two limits above, and what its calls cost. */
export const maxConnectionMemoryMb = 256;
/** Cancelled calls of one connection: so many at once, so many per second for long; beyond it the connection is closed. */
export const maxCancelBurst = 10_000;
export const maxCancelsPerSecond = 1_000;
/** Longer deadlines are none: a timer holds 31 bits of milliseconds. */
export const maxDeadlineMs = 2 ** 31 - 1;

export const maxHttpBodyBytes = 64 * 1024;
