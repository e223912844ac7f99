import { type DataOf, type Decider, type Event, eventsOf, type Instant, reject } from '@recourse/eventing';
import { isPositive, type Money } from '@recourse/money';

/** Money for the fund: one person proposes, another approves, the rail confirms. */
export type ContributionEvent =
  | Event<
      'ContributionProposed',
      {
        readonly contributionId: string;
        readonly platform: string;
        readonly amount: Money;
        readonly rail: string;
        readonly transaction: string;
        readonly proposedBy: string;
        readonly proposedAt: Instant;
      }
    >
  | Event<
      'ContributionApproved',
      {
        readonly contributionId: string;
        readonly platform: string;
        readonly amount: Money;
        readonly rail: string;
        readonly transaction: string;
        readonly proposedBy: string;
        readonly approvedBy: string;
        readonly approvedAt: Instant;
      }
    >;
export type ContributionCommand =
  | {
      readonly type: 'ProposeContribution';
      readonly contributionId: string;
      readonly platform: string;
      readonly amount: Money;
      readonly rail: string;
      readonly transaction: string;
      readonly subject: string;
    }
  | { readonly type: 'ApproveContribution'; readonly subject: string };
export type ContributionRejection =
  'ContributionExists' | 'ContributionUnknown' | 'AmountNotPositive' | 'SameSubject' | 'AlreadyApproved';

export type Contribution =
  | { readonly status: 'none' }
  | { readonly status: 'proposed'; readonly proposal: DataOf<ContributionEvent, 'ContributionProposed'> }
  | { readonly status: 'approved' };

const event = eventsOf<ContributionEvent>();

/** Stream `contribution-{id}`: two people stand behind every contribution. */
export const contribution: Decider<ContributionCommand, Contribution, ContributionEvent, ContributionRejection> = {
  category: 'contribution',
  initial: { status: 'none' },
  events: { ContributionProposed: 1, ContributionApproved: 1 },
  decide: (command, state) => {
    switch (command.type) {
      case 'ProposeContribution': {
        if (state.status !== 'none') return reject('ContributionExists', 'a contribution with this id was proposed already');
        const { contributionId, platform, amount, rail, transaction, subject, at } = command;
        if (!isPositive(amount)) return reject('AmountNotPositive', 'a contribution is one minor unit or more');
        const what = { contributionId, platform, amount, rail, transaction };
        return [event('ContributionProposed', { ...what, proposedBy: subject, proposedAt: at })];
      }
      case 'ApproveContribution': {
        if (state.status === 'none') return reject('ContributionUnknown', 'no contribution with this id was proposed');
        if (state.status === 'approved') return reject('AlreadyApproved', 'this contribution is in the fund already');
        const { contributionId, platform, amount, rail, transaction, proposedBy } = state.proposal;
        if (command.subject === proposedBy)
          return reject('SameSubject', 'whoever proposed a contribution cannot approve it; another person must');
        const what = { contributionId, platform, amount, rail, transaction, proposedBy };
        return [event('ContributionApproved', { ...what, approvedBy: command.subject, approvedAt: command.at })];
      }
    }
  },
  evolve: (_, happened) => {
    switch (happened.type) {
      case 'ContributionProposed':
        return { status: 'proposed', proposal: happened.data };
      case 'ContributionApproved':
        return { status: 'approved' };
    }
  },
};
