import {
  type CommandOf,
  type Decider,
  type Event,
  eventsOf,
  type Instant,
  isAfter,
  reject,
  type Rejection,
} from '@recourse/eventing';

/** Where a buyer complains outside the platform. S73–S76 */
export type ComplaintChannel = 'alipay' | 'wechatpay' | '12315' | 'consumers-association' | 'court' | 'other';
/** How the authority ended it, in its own word; it moves no money by itself. */
export type ComplaintOutcome = 'upheld' | 'rejected' | 'settled' | 'withdrawn';

/** What the authority calls it. The number may lead to a person, so it stands in the vault, and here only what tells two apart. */
export interface ExternalNumber {
  /** The vault's fingerprint, 64 hex. */
  readonly fingerprint: string;
  /** `****1234` */
  readonly masked: string;
}

interface Complained {
  readonly complaintId: string;
  readonly platform: string;
  readonly orderId: string;
}
export interface ComplaintFile extends Complained {
  readonly merchant: string;
  readonly buyer: string;
  readonly channel: ComplaintChannel;
  readonly externalNumber: ExternalNumber;
  /** Vault reference of `{number, summary}`. */
  readonly content: string;
  /** Each unit with its one case; a unit that was paid back without a claim has none. K11 */
  readonly units: readonly { readonly unitNo: number; readonly disputeId?: string }[];
  /** When it reached us. */
  readonly receivedAt: Instant;
  /** The authority's deadline, given by the person who recorded it. */
  readonly answerBy: Instant;
  readonly recordedBy: string;
}

export type ComplaintEvent =
  | Event<'ComplaintReceived', ComplaintFile & { readonly recordedAt: Instant }>
  | Event<
      'ComplaintAnswered',
      Complained & {
        /** Vault reference of what the authority was told. */
        readonly answer: string;
        readonly answeredBy: string;
        readonly answeredAt: Instant;
      }
    >
  /** The authority's deadline passed without an answer; once. S18 */
  | Event<'ComplaintBecameOverdue', Complained & { readonly answerBy: Instant; readonly overdueAt: Instant }>
  | Event<
      'ComplaintClosed',
      Complained & { readonly outcome: ComplaintOutcome; readonly closedBy: string; readonly closedAt: Instant }
    >;

export type ComplaintCommand =
  | ({ readonly type: 'ReceiveComplaint' } & ComplaintFile)
  | { readonly type: 'AnswerComplaint'; readonly answer: string; readonly subject: string }
  | { readonly type: 'CloseComplaint'; readonly outcome: ComplaintOutcome; readonly subject: string }
  | { readonly type: 'PassComplaintDeadlines' };
export type ComplaintRejection =
  'ComplaintUnknown' | 'ComplaintDiffers' | 'ComplaintAnswered' | 'ComplaintOver' | 'ComplaintNotYet' | 'DeadlineBackdated';

export type Complaint =
  | { readonly status: 'none' }
  | { readonly status: 'received' | 'answered' | 'closed'; readonly file: ComplaintFile; readonly isOverdue: boolean };
type Answer = readonly ComplaintEvent[] | Rejection<ComplaintRejection>;

const event = eventsOf<ComplaintEvent>();

const fileOf = ({
  complaintId,
  platform,
  orderId,
  merchant,
  buyer,
  channel,
  externalNumber,
  content,
  units,
  receivedAt,
  answerBy,
  recordedBy,
}: ComplaintFile): ComplaintFile => ({
  complaintId,
  platform,
  orderId,
  merchant,
  buyer,
  channel,
  externalNumber,
  content,
  units,
  receivedAt,
  answerBy,
  recordedBy,
});

function receive(command: CommandOf<ComplaintCommand, 'ReceiveComplaint'>, state: Complaint, at: Instant): Answer {
  if (state.status !== 'none') {
    const known = new Set(state.file.units.map(({ unitNo }) => unitNo));
    return state.file.orderId === command.orderId && command.units.every(({ unitNo }) => known.has(unitNo))
      ? []
      : reject(
          'ComplaintDiffers',
          `this complaint is known; it is about order ${state.file.orderId}, unit ${[...known].join(', ')}`,
        );
  }
  if (isAfter(command.receivedAt, at)) return reject('ComplaintNotYet', 'a complaint is recorded once it has been received');
  if (!isAfter(command.answerBy, command.receivedAt))
    return reject('DeadlineBackdated', 'the deadline of the authority lies behind the moment at which its complaint came');
  return [event('ComplaintReceived', { ...fileOf(command), recordedAt: at })];
}

/**
 * A complaint at an authority or a payment platform. It has a stream of its own because it may be about several cases of one
 * order and outlives each of them, while nothing that a case decides depends on it. Stream `complaint-{platform}.{number's
 * fingerprint}`, so that the same number is the same complaint.
 */
export const complaint: Decider<ComplaintCommand, Complaint, ComplaintEvent, ComplaintRejection> = {
  category: 'complaint',
  initial: { status: 'none' },
  events: { ComplaintReceived: 1, ComplaintAnswered: 1, ComplaintBecameOverdue: 1, ComplaintClosed: 1 },
  decide: (command, state) => {
    const { at } = command;
    if (command.type === 'ReceiveComplaint') return receive(command, state, at);
    if (state.status === 'none') return reject('ComplaintUnknown', 'there is no such complaint');
    const { complaintId, platform, orderId, answerBy } = state.file;
    const complained = { complaintId, platform, orderId };
    switch (command.type) {
      case 'AnswerComplaint':
        if (state.status === 'answered') return reject('ComplaintAnswered', 'the authority has our answer already');
        if (state.status === 'closed') return reject('ComplaintOver', 'the authority has closed this complaint');
        return [
          event('ComplaintAnswered', { ...complained, answer: command.answer, answeredBy: command.subject, answeredAt: at }),
        ];
      case 'CloseComplaint':
        if (state.status === 'closed') return reject('ComplaintOver', 'the authority has closed this complaint');
        return [event('ComplaintClosed', { ...complained, outcome: command.outcome, closedBy: command.subject, closedAt: at })];
      case 'PassComplaintDeadlines':
        return state.status === 'received' && !state.isOverdue && isAfter(at, answerBy)
          ? [event('ComplaintBecameOverdue', { ...complained, answerBy, overdueAt: at })]
          : [];
    }
  },
  evolve: (state, { type, data }) => {
    if (type === 'ComplaintReceived') return { status: 'received', file: fileOf(data), isOverdue: false };
    if (state.status === 'none') throw new Error(`${type} of a complaint that was never received`);
    switch (type) {
      case 'ComplaintAnswered':
        return { ...state, status: 'answered' };
      case 'ComplaintBecameOverdue':
        return { ...state, isOverdue: true };
      case 'ComplaintClosed':
        return { ...state, status: 'closed' };
    }
  },
};
