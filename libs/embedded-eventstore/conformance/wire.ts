import { randomUUID } from 'node:crypto';
import { credentials, Metadata, status, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js';
import features from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamServices from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import empties from 'google-protobuf/google/protobuf/empty_pb.js';
import timestamps from 'google-protobuf/google/protobuf/timestamp_pb.js';

/** The protocol at wire level: one call in, one plain object out, so that two servers can be compared field by field. */
const { AppendReq, BatchAppendReq, DeleteReq, ReadReq, TombstoneReq } = streams;
const { Empty, StreamIdentifier, UUID } = shared;

type ReadResponse = InstanceType<typeof streams.ReadResp>;
type RecordedMessage = InstanceType<typeof streams.ReadResp.ReadEvent.RecordedEvent>;
type AppendRequest = InstanceType<typeof AppendReq>;
type BatchResponse = InstanceType<typeof streams.BatchAppendResp>;

export interface EventSketch {
  /** null: sent without. */
  id: string | null;
  type?: string | null;
  contentType?: string | null;
  data?: string;
  custom?: string;
  extra?: Record<string, string>;
}

export interface CallFailure {
  code: string;
  message: string;
  trailers: Record<string, string>;
}

export interface Position {
  commit: string;
  prepare: string;
}

export interface AppendAnswer {
  success?: { revision: string; position: Position | 'no_position' | 'unset' };
  wrongExpectedVersion?: Record<string, string | number>;
  error?: CallFailure;
}

/** An expected revision as a number, or one of the three words; undefined sends none. */
export type ExpectedRevision = string | undefined;

export interface BatchSketch {
  name?: string;
  correlation?: string | null;
  /** false: a later part of an append, which has no options. */
  options?: false;
  stream?: string;
  expected?: string;
  events?: EventSketch[];
  final?: boolean;
  deadline?: Date | null;
}

export interface BatchAnswer {
  for: string;
  stream: string;
  expected: string;
  success?: AppendAnswer['success'];
  error?: Record<string, unknown>;
  result?: 'unset';
}

export interface BatchOutcome {
  responses: BatchAnswer[];
  timedOut?: true;
  ended?: true;
  error?: CallFailure;
}

export interface SeenEvent {
  id: string | { structured: true } | undefined;
  at: string;
  commit: string;
  prepare: string;
  metadata?: Record<string, string>;
  data?: string;
  custom?: string;
}

export interface SeenRead {
  event: SeenEvent | 'absent';
  link?: SeenEvent;
  position: { commit: string } | 'no_position';
}

export type Seen =
  | SeenRead
  | 'confirmation'
  | 'caughtUp'
  | 'fellBehind'
  | { checkpoint: Position }
  | { streamNotFound: string }
  | { firstStreamPosition: string }
  | { lastStreamPosition: string }
  | { lastAllStreamPosition: string };

export interface ReadSketch {
  stream?: string;
  from?: 'start' | 'end' | number | Position;
  direction?: 'forwards' | 'backwards';
  /** null: sent without. */
  count?: number | null;
  filter?: { on?: 'type'; regex?: string; prefix?: string[]; window?: number; checkpoint?: number };
  links?: boolean;
  uuids?: 'string' | 'structured' | null;
  compatibility?: number;
  /** Sends neither a stream nor $all. */
  nowhere?: boolean;
  /** Shows what the event holds, not only where it is. */
  full?: boolean;
}

export interface ReadOutcome {
  messages: Seen[];
  error?: CallFailure;
}

export const isEvent = (seen: Seen): seen is SeenRead => typeof seen === 'object' && 'event' in seen;
export const eventsOf = (messages: readonly Seen[]) => messages.filter(isEvent);
export const placeOf = (seen: SeenRead) => (seen.event === 'absent' ? 'absent' : seen.event.at);
export const placesOf = (messages: readonly Seen[]) => eventsOf(messages).map(placeOf);

const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const callTimeoutMs = 15_000;
const deadline = () => ({ deadline: Date.now() + callTimeoutMs });

const transportHeaders = new Set(['date', 'server', 'content-type', 'content-length', 'grpc-status', 'grpc-message']);

export function failureOf(error: ServiceError): CallFailure {
  const trailers: Record<string, string> = {};
  for (const [key, value] of Object.entries(error.metadata?.getMap() ?? {})) {
    if (!transportHeaders.has(key)) trailers[key] = String(value);
  }
  return { code: status[error.code] ?? String(error.code), message: error.details, trailers };
}

export const identifier = (stream: string) => new StreamIdentifier().setStreamName(Buffer.from(stream));
const uuid = (id: string) => new UUID().setString(id);

interface RevisionOptions<E> {
  setAny(value: E): unknown;
  setNoStream(value: E): unknown;
  setStreamExists(value: E): unknown;
}

function expectRevision<E>(
  options: RevisionOptions<E>,
  empty: E,
  expected: ExpectedRevision,
  setNumber: (text: string) => unknown,
): void {
  if (expected === 'any') options.setAny(empty);
  else if (expected === 'no_stream') options.setNoStream(empty);
  else if (expected === 'stream_exists') options.setStreamExists(empty);
  else if (expected !== undefined) setNumber(expected);
}

function fillMessage<
  M extends InstanceType<typeof AppendReq.ProposedMessage> | InstanceType<typeof BatchAppendReq.ProposedMessage>,
>(message: M, event: EventSketch): M {
  if (event.id !== null) message.setId(uuid(event.id));
  const metadata = message.getMetadataMap();
  if (event.type !== null) metadata.set('type', event.type ?? 'Tested');
  if (event.contentType !== null) metadata.set('content-type', event.contentType ?? 'application/json');
  for (const [key, value] of Object.entries(event.extra ?? {})) metadata.set(key, value);
  message.setData(Buffer.from(event.data ?? '{}'));
  if (event.custom !== undefined) message.setCustomMetadata(Buffer.from(event.custom));
  return message;
}

function describeAppend(answer: InstanceType<typeof streams.AppendResp>): AppendAnswer {
  const success = answer.getSuccess();
  if (success) {
    const position = success.getPosition();
    return {
      success: {
        revision: success.hasNoStream() ? 'no_stream' : success.getCurrentRevision(),
        position: position ? { commit: position.getCommitPosition(), prepare: position.getPreparePosition() } : 'no_position',
      },
    };
  }
  const wrong = answer.getWrongExpectedVersion();
  if (!wrong) return {};
  return {
    wrongExpectedVersion: {
      current: wrong.hasCurrentNoStream() ? 'no_stream' : wrong.hasCurrentRevision() ? wrong.getCurrentRevision() : 'unset',
      expected: wrong.hasExpectedAny()
        ? 'any'
        : wrong.hasExpectedStreamExists()
          ? 'stream_exists'
          : wrong.hasExpectedNoStream()
            ? 'no_stream'
            : wrong.hasExpectedRevision()
              ? wrong.getExpectedRevision()
              : 'unset',
      current2060: wrong.hasNoStream2060()
        ? 'no_stream'
        : wrong.hasCurrentRevision2060()
          ? wrong.getCurrentRevision2060()
          : 'unset',
      expected2060: wrong.hasAny2060()
        ? 'any'
        : wrong.hasStreamExists2060()
          ? 'stream_exists'
          : wrong.hasExpectedRevision2060()
            ? wrong.getExpectedRevision2060()
            : 'unset',
    },
  };
}

function describeBatchError(answer: InstanceType<typeof streams.BatchAppendResp>): Record<string, unknown> | undefined {
  const error = answer.getError();
  if (!error) return undefined;
  const details = error.getDetails();
  const type = details?.getTypeUrl() ?? '';
  const bytes = details?.getValue_asU8() ?? new Uint8Array();
  const described: Record<string, unknown> = { code: status[error.getCode()], message: error.getMessage(), details: type };
  if (type.endsWith('WrongExpectedVersion')) {
    const wrong = shared.WrongExpectedVersion.deserializeBinary(bytes);
    described['current'] = wrong.hasCurrentNoStream()
      ? 'no_stream'
      : wrong.hasCurrentStreamRevision()
        ? wrong.getCurrentStreamRevision()
        : 'unset';
    described['expected'] = wrong.hasExpectedAny()
      ? 'any'
      : wrong.hasExpectedNoStream()
        ? 'no_stream'
        : wrong.hasExpectedStreamExists()
          ? 'stream_exists'
          : wrong.hasExpectedStreamPosition()
            ? wrong.getExpectedStreamPosition()
            : 'unset';
  }
  if (type.endsWith('MaximumAppendSizeExceeded')) {
    described['maxAppendSize'] = shared.MaximumAppendSizeExceeded.deserializeBinary(bytes).getMaxappendsize();
  }
  if (type.endsWith('StreamDeleted')) {
    described['stream'] = utf8(
      shared.StreamDeleted.deserializeBinary(bytes).getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array(),
    );
  }
  if (type.endsWith('BadRequest')) described['reason'] = shared.BadRequest.deserializeBinary(bytes).getMessage();
  return described;
}

function describeBatch(answer: BatchResponse, names: ReadonlyMap<string, string>): BatchAnswer {
  const correlation = answer.getCorrelationId()?.getString();
  const described: BatchAnswer = {
    for: correlation ? (names.get(correlation) ?? 'unknown') : 'structured uuid',
    stream: answer.hasStreamIdentifier() ? utf8(answer.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array()) : 'unset',
    expected: answer.hasNoStream()
      ? 'no_stream'
      : answer.hasAny()
        ? 'any'
        : answer.hasStreamExists()
          ? 'stream_exists'
          : answer.hasStreamPosition()
            ? answer.getStreamPosition()
            : 'unset',
  };
  const success = answer.getSuccess();
  const error = describeBatchError(answer);
  if (success) {
    const position = success.getPosition();
    described.success = {
      revision: success.hasNoStream() ? 'no_stream' : success.hasCurrentRevision() ? success.getCurrentRevision() : 'unset',
      position: success.hasNoPosition()
        ? 'no_position'
        : position
          ? { commit: position.getCommitPosition(), prepare: position.getPreparePosition() }
          : 'unset',
    };
  } else if (error) described.error = error;
  else described.result = 'unset';
  return described;
}

function describeEvent(event: RecordedMessage, full: boolean): SeenEvent {
  const id = event.getId();
  const seen: SeenEvent = {
    id: id?.hasStructured() ? { structured: true } : id?.getString(),
    at: `${utf8(event.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array())}@${event.getStreamRevision()}`,
    commit: event.getCommitPosition(),
    prepare: event.getPreparePosition(),
  };
  if (!full) return seen;
  const metadata = Object.fromEntries(event.getMetadataMap().toArray().sort());
  return { ...seen, metadata, data: utf8(event.getData_asU8()), custom: utf8(event.getCustomMetadata_asU8()) };
}

function describeRead(response: ReadResponse, full: boolean): Seen {
  const read = response.getEvent();
  if (read) {
    const event = read.getEvent();
    const link = read.getLink();
    const seen: SeenRead = {
      event: event ? describeEvent(event, full) : 'absent',
      position: read.hasCommitPosition() ? { commit: read.getCommitPosition() } : 'no_position',
    };
    if (link) seen.link = describeEvent(link, full);
    return seen;
  }
  const checkpoint = response.getCheckpoint();
  if (checkpoint) return { checkpoint: { commit: checkpoint.getCommitPosition(), prepare: checkpoint.getPreparePosition() } };
  const missing = response.getStreamNotFound();
  if (missing) return { streamNotFound: utf8(missing.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array()) };
  if (response.hasFirstStreamPosition()) return { firstStreamPosition: response.getFirstStreamPosition() };
  if (response.hasLastStreamPosition()) return { lastStreamPosition: response.getLastStreamPosition() };
  if (response.hasLastAllStreamPosition()) return { lastAllStreamPosition: 'present' };
  if (response.hasConfirmation()) return 'confirmation';
  return response.hasCaughtUp() ? 'caughtUp' : 'fellBehind';
}

export function readRequest(sketch: ReadSketch, subscribe = false): InstanceType<typeof ReadReq> {
  const { Options } = ReadReq;
  const {
    stream,
    from = 'start',
    direction = 'forwards',
    count = 4096,
    filter,
    links = false,
    uuids = 'string',
    compatibility,
  } = sketch;
  const options = new Options();
  if (stream !== undefined) {
    const streamOptions = new Options.StreamOptions().setStreamIdentifier(identifier(stream));
    if (from === 'start') streamOptions.setStart(new Empty());
    else if (from === 'end') streamOptions.setEnd(new Empty());
    else streamOptions.setRevision(String(from));
    options.setStream(streamOptions);
  } else if (!sketch.nowhere) {
    const allOptions = new Options.AllOptions();
    if (from === 'start') allOptions.setStart(new Empty());
    else if (from === 'end') allOptions.setEnd(new Empty());
    else if (typeof from === 'object') {
      allOptions.setPosition(new Options.Position().setCommitPosition(from.commit).setPreparePosition(from.prepare));
    }
    options.setAll(allOptions);
  }
  options.setReadDirection(direction === 'forwards' ? 0 : 1).setResolveLinks(links);
  if (subscribe) options.setSubscription(new Options.SubscriptionOptions());
  else if (count !== null) options.setCount(String(count));
  if (filter) {
    const expression = new Options.FilterOptions.Expression();
    if (filter.regex !== undefined) expression.setRegex(filter.regex);
    if (filter.prefix) expression.setPrefixList(filter.prefix);
    const filterOptions = new Options.FilterOptions().setCheckpointintervalmultiplier(filter.checkpoint ?? 1);
    if (filter.on === 'type') filterOptions.setEventType(expression);
    else filterOptions.setStreamIdentifier(expression);
    if (filter.window === undefined) filterOptions.setCount(new Empty());
    else filterOptions.setMax(filter.window);
    options.setFilter(filterOptions);
  } else options.setNoFilter(new Empty());
  if (uuids === 'string') options.setUuidOption(new Options.UUIDOption().setString(new Empty()));
  if (uuids === 'structured') options.setUuidOption(new Options.UUIDOption().setStructured(new Empty()));
  if (compatibility !== undefined) options.setControlOption(new Options.ControlOption().setCompatibility(compatibility));
  return new ReadReq().setOptions(options);
}

/** A catch-up subscription that stays open; `until` waits for what it has seen to satisfy a condition. */
export interface WireSubscription {
  readonly seen: Seen[];
  readonly ended: { error: CallFailure } | 'end' | undefined;
  /** False if that did not happen in time. */
  until(condition: (seen: readonly Seen[], ended: WireSubscription['ended']) => boolean, timeoutMs?: number): Promise<boolean>;
  close(): void;
}

export type Wire = ReturnType<typeof connect>;

/** `endpoint` is host:port, without TLS. */
export function connect(endpoint: string) {
  const insecure = credentials.createInsecure();
  const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
  const streamsClient = new streamServices.StreamsClient(endpoint, insecure, options);
  const featuresClient = new features.ServerFeaturesClient(endpoint, insecure);
  const gossipClient = new gossip.GossipClient(endpoint, insecure);

  const unary = <R>(call: (done: (error: ServiceError | null, response?: R) => void) => ClientUnaryCall) =>
    new Promise<{ error: CallFailure } | { response: R }>((resolve, reject) => {
      call((error, response) => {
        if (error) resolve({ error: failureOf(error) });
        else if (response === undefined) reject(new Error('a call ended with neither an answer nor an error'));
        else resolve({ response });
      });
    });

  /** `parts` sends other requests than the options and one message per event. */
  function append(
    stream: string | null,
    events: readonly EventSketch[],
    expected: ExpectedRevision | 'nothing' = 'any',
    parts?: (requests: { options: AppendRequest; messages: AppendRequest[]; empty: AppendRequest }) => AppendRequest[],
  ): Promise<AppendAnswer> {
    return new Promise((resolve) => {
      const call = streamsClient.append(new Metadata(), deadline(), (error, answer) => {
        resolve(error ? { error: failureOf(error) } : describeAppend(answer));
      });
      call.on('error', () => undefined);
      const appendOptions = new AppendReq.Options();
      if (stream !== null) appendOptions.setStreamIdentifier(identifier(stream));
      expectRevision(appendOptions, new Empty(), expected === 'nothing' ? undefined : expected, (text) =>
        appendOptions.setRevision(text),
      );
      const requests = {
        options: new AppendReq().setOptions(appendOptions),
        messages: events.map((event) => new AppendReq().setProposedMessage(fillMessage(new AppendReq.ProposedMessage(), event))),
        empty: new AppendReq(),
      };
      for (const request of parts ? parts(requests) : [requests.options, ...requests.messages]) call.write(request);
      call.end();
    });
  }

  /** Each request gets a correlation id of its own, unless it names one; resolves after `until` answers. */
  function batch(sketches: readonly BatchSketch[], { until = sketches.length, timeoutMs = 5_000 } = {}): Promise<BatchOutcome> {
    return new Promise((resolve) => {
      const responses: BatchAnswer[] = [];
      const names = new Map<string, string>();
      const call = streamsClient.batchAppend(new Metadata());
      const finish = (how: Omit<BatchOutcome, 'responses'>) => {
        clearTimeout(timer);
        resolve({ responses, ...how });
        // Servers count cancelled calls and drop a connection that has too many.
        if (how.timedOut) call.cancel();
        else call.end();
      };
      const timer = setTimeout(() => finish({ timedOut: true }), timeoutMs);
      call.on('data', (answer: BatchResponse) => {
        if (responses.push(describeBatch(answer, names)) >= until) finish({});
      });
      call.on('error', (error: ServiceError) => {
        if (error.code !== status.CANCELLED) finish({ error: failureOf(error) });
      });
      call.on('end', () => finish({ ended: true }));
      for (const sketch of sketches) call.write(batchRequest(sketch, names));
    });
  }

  function batchRequest(sketch: BatchSketch, names: Map<string, string>): InstanceType<typeof BatchAppendReq> {
    const request = new BatchAppendReq().setIsFinal(sketch.final ?? true);
    const correlation = sketch.correlation ?? randomUUID();
    if (!names.has(correlation)) names.set(correlation, sketch.name ?? `request ${names.size + 1}`);
    if (sketch.correlation !== null) request.setCorrelationId(uuid(correlation));
    if (sketch.options !== false) {
      const batchOptions = new BatchAppendReq.Options();
      if (sketch.stream !== undefined) batchOptions.setStreamIdentifier(identifier(sketch.stream));
      expectRevision(batchOptions, new empties.Empty(), sketch.expected ?? 'any', (text) => batchOptions.setStreamPosition(text));
      const at = sketch.deadline === undefined ? new Date(Date.now() + 10_000) : sketch.deadline;
      if (at !== null) batchOptions.setDeadline(timestamps.Timestamp.fromDate(at));
      request.setOptions(batchOptions);
    }
    for (const event of sketch.events ?? [])
      request.addProposedMessages(fillMessage(new BatchAppendReq.ProposedMessage(), event));
    return request;
  }

  /** Reads to the end of the call. */
  function read(sketch: ReadSketch): Promise<ReadOutcome> {
    return new Promise((resolve) => {
      const messages: Seen[] = [];
      const call = streamsClient.read(readRequest(sketch), new Metadata(), deadline());
      call.on('data', (response: ReadResponse) => messages.push(describeRead(response, sketch.full ?? false)));
      call.on('error', (error: ServiceError) => resolve({ messages, error: failureOf(error) }));
      call.on('end', () => resolve({ messages }));
    });
  }

  function subscribe(sketch: ReadSketch): WireSubscription {
    const seen: Seen[] = [];
    let ended: WireSubscription['ended'];
    let news: () => void = () => undefined;
    const call = streamsClient.read(readRequest(sketch, true), new Metadata());
    call.on('data', (response: ReadResponse) => {
      seen.push(describeRead(response, sketch.full ?? false));
      news();
    });
    call.on('error', (error: ServiceError) => {
      if (error.code !== status.CANCELLED) ended = { error: failureOf(error) };
      news();
    });
    call.on('end', () => {
      ended ??= 'end';
      news();
    });
    return {
      seen,
      get ended() {
        return ended;
      },
      until(condition, timeoutMs = 5_000) {
        return new Promise((resolve) => {
          const settle = (met: boolean) => {
            clearTimeout(timer);
            news = () => undefined;
            resolve(met);
          };
          const timer = setTimeout(() => settle(condition(seen, ended)), timeoutMs);
          news = () => {
            if (condition(seen, ended)) settle(true);
          };
          news();
        });
      },
      close: () => call.cancel(),
    };
  }

  const position = (at: { getCommitPosition(): string; getPreparePosition(): string } | undefined): Position | 'no_position' =>
    at ? { commit: at.getCommitPosition(), prepare: at.getPreparePosition() } : 'no_position';

  async function softDelete(stream: string | null, expected: ExpectedRevision = 'any') {
    const deleteOptions = new DeleteReq.Options();
    if (stream !== null) deleteOptions.setStreamIdentifier(identifier(stream));
    expectRevision(deleteOptions, new Empty(), expected, (text) => deleteOptions.setRevision(text));
    const request = new DeleteReq().setOptions(deleteOptions);
    const answer = await unary<InstanceType<typeof streams.DeleteResp>>((done) =>
      streamsClient.delete(request, new Metadata(), deadline(), done),
    );
    return 'error' in answer ? answer : { position: position(answer.response.getPosition()) };
  }

  async function tombstone(stream: string | null, expected: ExpectedRevision = 'any') {
    const tombstoneOptions = new TombstoneReq.Options();
    if (stream !== null) tombstoneOptions.setStreamIdentifier(identifier(stream));
    expectRevision(tombstoneOptions, new Empty(), expected, (text) => tombstoneOptions.setRevision(text));
    const request = new TombstoneReq().setOptions(tombstoneOptions);
    const answer = await unary<InstanceType<typeof streams.TombstoneResp>>((done) =>
      streamsClient.tombstone(request, new Metadata(), deadline(), done),
    );
    return 'error' in answer ? answer : { position: position(answer.response.getPosition()) };
  }

  async function supported() {
    const answer = await unary<SupportedMethods>((done) =>
      featuresClient.getSupportedMethods(new Empty(), new Metadata(), deadline(), done),
    );
    if ('error' in answer) return answer;
    const methods = answer.response.getMethodsList().map((method) => {
      const list = method.getFeaturesList().sort().join(', ');
      return `${method.getServiceName()}/${method.getMethodName()}${list ? ` [${list}]` : ''}`;
    });
    return { version: answer.response.getEventStoreServerVersion(), methods: methods.sort() };
  }

  async function members() {
    const answer = await unary<ClusterInfo>((done) => gossipClient.read(new Empty(), new Metadata(), deadline(), done));
    if ('error' in answer) return answer;
    return answer.response.getMembersList().map((member) => ({
      state: member.getState(),
      alive: member.getIsAlive(),
      endpoint: Boolean(member.getHttpEndPoint()?.getAddress()),
    }));
  }

  const close = () => {
    for (const client of [streamsClient, featuresClient, gossipClient]) client.close();
  };

  return { append, batch, read, subscribe, softDelete, tombstone, supported, members, close };
}
