import { type DataOf, type Decider, type Event, eventsOf, type Instant, reject, shanghaiDay } from '@recourse/eventing';
import { equals, isNegative, isPositive, type Money } from '@recourse/money';

/** Which fund is meant: a platform has one per asset. */
interface Which {
  readonly platform: string;
  readonly asset: string;
}
/** Why somebody did it, in his words; nothing personal. */
export interface FundWord extends Which {
  readonly reason: string;
}

/** What two people agree on together: a version replaces the one before as a whole, and what it leaves out is not limited. */
export interface FundLimits extends FundWord {
  /** Counts up from 1. */
  readonly version: number;
  /** Below it the fund raises an alarm. */
  readonly lowWaterMark?: Money;
  /** The most the fund lays out for one merchant's refunds in one day of Asia/Shanghai before a person looks at it. */
  readonly dailyPerMerchant?: Money;
  readonly proposedBy: string;
}

/** What people decide about a fund. It takes effect when the fund reads it in the log and answers in its own stream. */
export type FundControlEvent =
  /** A pause is ended by one person, the kill switch by two. */
  | Event<
      'FundPauseOrdered',
      FundWord & { readonly kind: 'pause' | 'kill-switch'; readonly orderedBy: string; readonly orderedAt: Instant }
    >
  /** The first of the two people who end a kill switch. */
  | Event<'FundResumeProposed', FundWord & { readonly proposedBy: string; readonly proposedAt: Instant }>
  | Event<
      'FundResumeOrdered',
      FundWord & {
        readonly orderedBy: string;
        /** After a kill switch: another person than `orderedBy`. */
        readonly proposedBy?: string;
        readonly orderedAt: Instant;
      }
    >
  | Event<'FundLimitsProposed', FundLimits & { readonly proposedAt: Instant }>
  | Event<'FundLimitsApproved', FundLimits & { readonly approvedBy: string; readonly approvedAt: Instant }>
  | Event<
      'FundHoldLiftOrdered',
      FundWord & { readonly refundId: string; readonly orderedBy: string; readonly orderedAt: Instant }
    >
  /** Sent by a timer while refunds are held aside: a new day has begun in Asia/Shanghai. Days without such refunds pass unsaid. */
  | Event<'FundDayBegan', Which & { readonly day: string; readonly begunAt: Instant }>;

export interface FundAct extends FundWord {
  readonly subject: string;
}
export type FundControlCommand =
  | (FundAct & { readonly type: 'PauseFund'; readonly kind: 'pause' | 'kill-switch' })
  /** Ends a pause; of a kill switch the first person proposes the end and a second one ends it. */
  | (FundAct & { readonly type: 'ResumeFund' })
  | (FundAct & { readonly type: 'ProposeFundLimits'; readonly lowWaterMark?: Money; readonly dailyPerMerchant?: Money })
  | { readonly type: 'ApproveFundLimits'; readonly version: number; readonly subject: string }
  | (FundAct & { readonly type: 'LiftFundHold'; readonly refundId: string })
  | { readonly type: 'BeginFundDay' };
export type FundControlRejection =
  'AlreadyPaused' | 'NotPaused' | 'SameSubject' | 'AssetMismatch' | 'AmountNotPositive' | 'LimitsUnknown' | 'LimitsUnchanged';

export interface FundControl {
  /** Absent until somebody has decided anything. */
  readonly which?: Which;
  readonly mode: 'running' | 'pause' | 'kill-switch';
  readonly resumeProposedBy?: string | undefined;
  /** The newest version, approved or only proposed. */
  readonly version: number;
  readonly proposed?: DataOf<FundControlEvent, 'FundLimitsProposed'> | undefined;
  readonly inForce?: DataOf<FundControlEvent, 'FundLimitsApproved'>;
  readonly day: string;
}

const event = eventsOf<FundControlEvent>();
const wordOf = ({ platform, asset, reason }: FundWord): FundWord => ({ platform, asset, reason });
/** Of an event, the limits it tells of. */
export const limitsOf = ({
  platform,
  asset,
  reason,
  version,
  lowWaterMark,
  dailyPerMerchant,
  proposedBy,
}: FundLimits): FundLimits => ({
  platform,
  asset,
  reason,
  version,
  ...(lowWaterMark === undefined ? {} : { lowWaterMark }),
  ...(dailyPerMerchant === undefined ? {} : { dailyPerMerchant }),
  proposedBy,
});
const sameAmount = (one: Money | undefined, other: Money | undefined): boolean =>
  one === undefined || other === undefined ? one === other : equals(one, other);

/** Stream `fundcontrol-{platform}.{asset}`: what people and the calendar tell the fund. */
export const fundControl: Decider<FundControlCommand, FundControl, FundControlEvent, FundControlRejection> = {
  category: 'fundcontrol',
  initial: { mode: 'running', version: 0, day: '' },
  events: {
    FundPauseOrdered: 1,
    FundResumeProposed: 1,
    FundResumeOrdered: 1,
    FundLimitsProposed: 1,
    FundLimitsApproved: 1,
    FundHoldLiftOrdered: 1,
    FundDayBegan: 1,
  },
  decide: (command, state) => {
    switch (command.type) {
      case 'PauseFund': {
        const { kind, subject, at } = command;
        // The kill switch also takes over a pause, since one person alone could end that.
        if (state.mode === kind || state.mode === 'kill-switch')
          return reject(
            'AlreadyPaused',
            `the fund stands still already, by a ${state.mode === 'pause' ? 'pause' : 'kill switch'}`,
          );
        return [event('FundPauseOrdered', { ...wordOf(command), kind, orderedBy: subject, orderedAt: at })];
      }
      case 'ResumeFund': {
        const { subject, at } = command;
        if (state.mode === 'running') return reject('NotPaused', 'the fund is not paused');
        const ordered = { ...wordOf(command), orderedBy: subject, orderedAt: at };
        if (state.mode === 'pause') return [event('FundResumeOrdered', ordered)];
        const { resumeProposedBy: proposedBy } = state;
        if (proposedBy === undefined)
          return [event('FundResumeProposed', { ...wordOf(command), proposedBy: subject, proposedAt: at })];
        if (proposedBy === subject)
          return reject('SameSubject', 'a kill switch is ended by two people; another person must confirm it');
        return [event('FundResumeOrdered', { ...ordered, proposedBy })];
      }
      case 'ProposeFundLimits': {
        const { lowWaterMark, dailyPerMerchant, subject, at } = command;
        const amounts = [lowWaterMark, dailyPerMerchant].filter((amount) => amount !== undefined);
        if (amounts.some(({ asset }) => asset !== command.asset))
          return reject('AssetMismatch', `the limits of this fund are in ${command.asset}`);
        if (amounts.some(isNegative) || (dailyPerMerchant !== undefined && !isPositive(dailyPerMerchant)))
          return reject('AmountNotPositive', 'a limit is one minor unit or more; leave out what shall not be limited');
        const now = state.inForce;
        if (sameAmount(lowWaterMark, now?.lowWaterMark) && sameAmount(dailyPerMerchant, now?.dailyPerMerchant))
          return reject('LimitsUnchanged', 'these limits are in force already');
        return [
          event('FundLimitsProposed', {
            ...wordOf(command),
            version: state.version + 1,
            ...(lowWaterMark === undefined ? {} : { lowWaterMark }),
            ...(dailyPerMerchant === undefined ? {} : { dailyPerMerchant }),
            proposedBy: subject,
            proposedAt: at,
          }),
        ];
      }
      case 'ApproveFundLimits': {
        const { version, subject, at } = command;
        if (state.proposed?.version !== version)
          return reject('LimitsUnknown', `version ${version} is not the proposal that waits`);
        const limits = limitsOf(state.proposed);
        if (limits.proposedBy === subject)
          return reject('SameSubject', 'whoever proposed limits cannot approve them; another person must');
        return [event('FundLimitsApproved', { ...limits, approvedBy: subject, approvedAt: at })];
      }
      case 'LiftFundHold': {
        const { refundId, subject, at } = command;
        return [event('FundHoldLiftOrdered', { ...wordOf(command), refundId, orderedBy: subject, orderedAt: at })];
      }
      case 'BeginFundDay': {
        const day = shanghaiDay(command.at);
        // Refunds are held aside by a limit, and limits are decided here.
        return state.which === undefined || day <= state.day
          ? []
          : [event('FundDayBegan', { ...state.which, day, begunAt: command.at })];
      }
    }
  },
  evolve: (state, happened) => {
    const { platform, asset } = happened.data;
    const known = { ...state, which: { platform, asset } };
    switch (happened.type) {
      case 'FundPauseOrdered':
        return { ...known, mode: happened.data.kind, resumeProposedBy: undefined };
      case 'FundResumeProposed':
        return { ...known, resumeProposedBy: happened.data.proposedBy };
      case 'FundResumeOrdered':
        return { ...known, mode: 'running', resumeProposedBy: undefined };
      case 'FundLimitsProposed':
        return { ...known, version: happened.data.version, proposed: happened.data };
      case 'FundLimitsApproved':
        return { ...known, proposed: undefined, inForce: happened.data };
      case 'FundHoldLiftOrdered':
        return known;
      case 'FundDayBegan':
        return { ...known, day: happened.data.day };
    }
  },
};
