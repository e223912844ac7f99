import {
  type CommandOf,
  type DataOf,
  type Decider,
  type Event,
  eventsOf,
  type Instant,
  isAfter,
  plusDays,
  type Rejection,
  reject,
  type Stamped,
} from '@recourse/eventing';
import { shortfallOf } from './policy-standard.js';
import { type Explanation, policyHash, type PolicyTable } from './policy-table.js';
import { isExplained, maxExplanationLength } from './review.js';
import { isTable, readTable, validateTable } from './table-check.js';

/** Whose policy: the platform's, or that of one merchant there. */
export interface Whose {
  readonly platform: string;
  readonly merchant?: string;
}
interface OfLine extends Whose {
  /** `{platform}` or `{platform}.{merchant}`, also what comes after `policy-` in the stream's name. */
  readonly id: string;
}
interface OfVersion extends OfLine {
  readonly version: number;
  readonly hash: string;
}
export interface WithReason {
  /** In the words of who did it; nothing about a person. */
  readonly reason: Explanation;
}

interface WithTable {
  readonly table: PolicyTable;
  /** Of a merchant's: hashes of the platform's tables that it is proven not to fall short of. */
  readonly standards?: readonly string[];
}

/** Stream `policy-{id}`; what an order freezes is `{id, version, hash}`. */
export type PolicyEvent =
  | Event<
      'PolicyPublished',
      OfVersion &
        WithTable & {
          readonly publishedAt: Instant;
          readonly effectiveFrom: Instant;
          /** With shorter notice than is owed: two people, and why. S61 */
          readonly proposedBy?: string;
          readonly approvedBy?: string;
          readonly reason?: Explanation;
        }
    >
  /** The first of two people; in place of what he proposed before. The hash is what the second one approves. */
  | Event<
      'PolicyShortNoticeProposed',
      OfVersion &
        WithTable &
        WithReason & {
          /** At the approval if left out, or if that comes later. */
          readonly effectiveFrom?: Instant;
          readonly proposedBy: string;
          readonly proposedAt: Instant;
        }
    >
  | Event<'PolicyShortNoticeWithdrawn', OfVersion & { readonly withdrawnBy: string; readonly withdrawnAt: Instant }>
  /** A version that had not taken effect never will; its number is not used again. */
  | Event<'PolicyWithdrawn', OfVersion & WithReason & { readonly withdrawnBy: string; readonly withdrawnAt: Instant }>
  /** From `effectiveFrom` on the merchant has no policy of his own: his orders are under the platform's. */
  | Event<
      'PolicyRetired',
      OfLine & WithReason & { readonly retiredBy: string; readonly retiredAt: Instant; readonly effectiveFrom: Instant }
    >;

export interface PolicyCandidate extends Whose {
  readonly table: PolicyTable;
  /** Of a merchant's table: those of the platform, in force and announced, which it may not fall short of. */
  readonly standards?: readonly PolicyTable[];
}
export type PolicyCommand =
  | (PolicyCandidate & { readonly type: 'PublishPolicy'; readonly effectiveFrom?: Instant })
  | (PolicyCandidate &
      WithReason & { readonly type: 'ProposeShortNotice'; readonly effectiveFrom?: Instant; readonly subject: string })
  | (Whose &
      Pick<PolicyCandidate, 'standards'> & {
        readonly type: 'ApproveShortNotice';
        readonly hash: string;
        readonly subject: string;
      })
  | (Whose & { readonly type: 'WithdrawShortNotice'; readonly hash: string; readonly subject: string })
  | (Whose & WithReason & { readonly type: 'WithdrawPolicy'; readonly version: number; readonly subject: string })
  | (Whose & WithReason & { readonly type: 'RetirePolicy'; readonly effectiveFrom?: Instant; readonly subject: string });
export type PolicyRejection =
  | 'PolicyInvalid'
  | 'VersionNotNext'
  | 'NoticeTooShort'
  | 'CrossesAnnounced'
  | 'PolicyMissing'
  | 'WorseThanPlatform'
  | 'CostlierForPlatform'
  | 'AlreadyProposed'
  | 'NotProposed'
  | 'SameSubject'
  | 'ExplanationInvalid'
  | 'PolicyUnknown'
  | 'AlreadyInForce'
  | 'AlreadyRetired'
  | 'PolicyNeeded';

/** What begins at a moment: a version, or the time without one. */
export type PolicyEntry =
  | {
      readonly is: 'version';
      readonly version: number;
      readonly hash: string;
      readonly effectiveFrom: Instant;
      readonly withdrawn: boolean;
    }
  | { readonly is: 'retirement'; readonly effectiveFrom: Instant };
/** In the order of publication, which is that of the moments: nothing begins before what was announced earlier. */
export interface PolicyLine {
  readonly entries: readonly PolicyEntry[];
  readonly proposal: DataOf<PolicyEvent, 'PolicyShortNoticeProposed'> | undefined;
}

type Answer = readonly PolicyEvent[] | Rejection<PolicyRejection>;

const noticeDays = 7; // 电商法 34
const event = eventsOf<PolicyEvent>();

export const policyIdOf = ({ platform, merchant }: Whose): string =>
  merchant === undefined ? platform : `${platform}.${merchant}`;
const lineOf = (whose: Whose): OfLine => ({
  platform: whose.platform,
  ...(whose.merchant === undefined ? {} : { merchant: whose.merchant }),
  id: policyIdOf(whose),
});
const versionsOf = ({ entries }: PolicyLine) => entries.filter((entry) => entry.is === 'version');
const standingOf = ({ entries }: PolicyLine) => entries.filter((entry) => entry.is === 'retirement' || !entry.withdrawn);

/** Before anybody relies on a policy nobody needs to be told of a change. */
const earliestOf = (line: PolicyLine, { merchant }: Whose, at: Instant): Instant =>
  merchant === undefined && standingOf(line).length === 0 ? at : plusDays(at, noticeDays);

function crossing(line: PolicyLine, effectiveFrom: Instant): Rejection<PolicyRejection> | undefined {
  const last = standingOf(line).at(-1);
  if (last === undefined || !isAfter(last.effectiveFrom, effectiveFrom)) return undefined;
  const what = last.is === 'version' ? `version ${last.version} is` : 'the end of this policy is';
  return reject(
    'CrossesAnnounced',
    `${what} announced for ${last.effectiveFrom}: take effect then or later${last.is === 'version' ? ', or withdraw it first' : ''}`,
  );
}

/** Whether a table may be the next version: sound, of the next number, and for a merchant no step back behind the platform. */
function candidateOf(candidate: PolicyCandidate, line: PolicyLine): Rejection<PolicyRejection> | (OfVersion & WithTable) {
  const { table, standards = [] } = candidate;
  const checked = validateTable(table);
  if (!isTable(checked)) return reject('PolicyInvalid', checked.join('; '));
  const version = versionsOf(line).length + 1;
  if (table.version !== version)
    return reject('VersionNotNext', `the table says version ${table.version}, the next one is ${version}`);
  if (candidate.merchant !== undefined) {
    if (standards.length === 0) return reject('PolicyMissing', 'the platform publishes a policy of its own first');
    for (const standard of standards) {
      const shortfall = shortfallOf(standard, table);
      if (shortfall !== undefined) return reject(shortfall.code, shortfall.detail);
    }
  }
  const proven = candidate.merchant === undefined ? {} : { standards: standards.map(policyHash) };
  return { ...lineOf(candidate), version, hash: policyHash(table), table, ...proven };
}

function publish(command: Stamped<CommandOf<PolicyCommand, 'PublishPolicy'>>, line: PolicyLine): Answer {
  const { at, table, effectiveFrom: asked } = command;
  const read = readTable(table);
  if (!isTable(read)) return reject('PolicyInvalid', read.join('; '));
  const hash = policyHash(read);
  const same = versionsOf(line).find((entry) => entry.hash === hash && !entry.withdrawn);
  if (same !== undefined && (asked === undefined || asked === same.effectiveFrom)) return [];
  const candidate = candidateOf(command, line);
  if ('rejected' in candidate) return candidate;
  const earliest = earliestOf(line, command, at);
  const effectiveFrom = asked ?? earliest;
  if (isAfter(earliest, effectiveFrom))
    return reject(
      'NoticeTooShort',
      `a change is announced ${noticeDays} days before it takes effect; shorter, two people must want it`,
    );
  return crossing(line, effectiveFrom) ?? [event('PolicyPublished', { ...candidate, publishedAt: at, effectiveFrom })];
}

const unexplained = reject(
  'ExplanationInvalid',
  `the reason is told in Chinese and English, 1 to ${maxExplanationLength} characters`,
);

function proposeShortNotice(command: Stamped<CommandOf<PolicyCommand, 'ProposeShortNotice'>>, line: PolicyLine): Answer {
  const { at, effectiveFrom, reason, subject } = command;
  const before = line.proposal;
  // What the second person has read is what he approves: nobody else changes it under his hands.
  if (before !== undefined && before.proposedBy !== subject)
    return reject('AlreadyProposed', `${before.proposedBy} has proposed a version; approve that, or withdraw it first`);
  if (!isExplained(reason)) return unexplained;
  const candidate = candidateOf(command, line);
  if ('rejected' in candidate) return candidate;
  if (effectiveFrom !== undefined && isAfter(at, effectiveFrom))
    return reject('NoticeTooShort', 'a version does not take effect in the past; leave the moment out for the approval itself');
  const crosses = crossing(line, effectiveFrom ?? at);
  if (crosses !== undefined) return crosses;
  const moment = effectiveFrom === undefined ? {} : { effectiveFrom };
  return [event('PolicyShortNoticeProposed', { ...candidate, ...moment, reason, proposedBy: subject, proposedAt: at })];
}

/** The proposal that waits, if it has this hash. */
function proposed(hash: string, { proposal }: PolicyLine) {
  return proposal?.hash === hash
    ? proposal
    : reject('NotProposed', 'no proposal with this hash waits; read what is proposed, or propose it first');
}

function approveShortNotice(
  { at, hash, subject, standards }: Stamped<CommandOf<PolicyCommand, 'ApproveShortNotice'>>,
  line: PolicyLine,
): Answer {
  const proposal = proposed(hash, line);
  if ('rejected' in proposal) return proposal;
  const { proposedBy, reason, effectiveFrom: asked } = proposal;
  if (proposedBy === subject) return reject('SameSubject', 'another person than the one who proposed it approves it');
  // Again, since the platform's own policy may have changed since.
  const { platform, merchant, table } = proposal;
  const whose = { platform, ...(merchant === undefined ? {} : { merchant }) };
  const candidate = candidateOf({ ...whose, table, ...(standards === undefined ? {} : { standards }) }, line);
  if ('rejected' in candidate) return candidate;
  const effectiveFrom = asked !== undefined && isAfter(asked, at) ? asked : at;
  const approved = { ...candidate, publishedAt: at, effectiveFrom, proposedBy, approvedBy: subject, reason };
  return crossing(line, effectiveFrom) ?? [event('PolicyPublished', approved)];
}

function withdraw(command: Stamped<CommandOf<PolicyCommand, 'WithdrawPolicy'>>, line: PolicyLine): Answer {
  const { at, version, reason, subject } = command;
  const entry = versionsOf(line)[version - 1];
  if (entry === undefined) return reject('PolicyUnknown', `there is no version ${version}`);
  if (entry.withdrawn) return [];
  if (!isAfter(entry.effectiveFrom, at))
    return reject('AlreadyInForce', `version ${version} has taken effect; only what is still to come is withdrawn`);
  if (!isExplained(reason)) return unexplained;
  return [
    event('PolicyWithdrawn', { ...lineOf(command), version, hash: entry.hash, reason, withdrawnBy: subject, withdrawnAt: at }),
  ];
}

function retire(command: Stamped<CommandOf<PolicyCommand, 'RetirePolicy'>>, line: PolicyLine): Answer {
  const { at, reason, subject } = command;
  if (command.merchant === undefined)
    return reject('PolicyNeeded', 'orders need a policy of the platform: publish the version that follows');
  const last = standingOf(line).at(-1);
  if (last === undefined) return reject('PolicyUnknown', 'this merchant has no policy of his own');
  if (last.is === 'retirement') return reject('AlreadyRetired', `this policy ends at ${last.effectiveFrom}`);
  if (!isExplained(reason)) return unexplained;
  const earliest = plusDays(at, noticeDays);
  const effectiveFrom = command.effectiveFrom ?? earliest;
  if (isAfter(earliest, effectiveFrom))
    return reject('NoticeTooShort', `the end of a policy is announced ${noticeDays} days before`);
  const crosses = crossing(line, effectiveFrom);
  return crosses ?? [event('PolicyRetired', { ...lineOf(command), reason, retiredBy: subject, retiredAt: at, effectiveFrom })];
}

/**
 * The policies of a platform, or of one merchant there: versions 1, 2, 3…, never in force before what was announced earlier.
 * All but a platform's first are announced seven days before they take effect, or sooner if two people want it.
 */
export const policy: Decider<PolicyCommand, PolicyLine, PolicyEvent, PolicyRejection> = {
  category: 'policy',
  initial: { entries: [], proposal: undefined },
  events: {
    PolicyPublished: 1,
    PolicyShortNoticeProposed: 1,
    PolicyShortNoticeWithdrawn: 1,
    PolicyWithdrawn: 1,
    PolicyRetired: 1,
  },
  decide: (command, line) => {
    switch (command.type) {
      case 'PublishPolicy':
        return publish(command, line);
      case 'ProposeShortNotice':
        return proposeShortNotice(command, line);
      case 'ApproveShortNotice':
        return approveShortNotice(command, line);
      case 'WithdrawShortNotice': {
        const proposal = proposed(command.hash, line);
        if ('rejected' in proposal) return proposal;
        const { version, hash } = proposal;
        const by = { withdrawnBy: command.subject, withdrawnAt: command.at };
        return [event('PolicyShortNoticeWithdrawn', { ...lineOf(command), version, hash, ...by })];
      }
      case 'WithdrawPolicy':
        return withdraw(command, line);
      case 'RetirePolicy':
        return retire(command, line);
    }
  },
  evolve: (line, { type, data }) => {
    switch (type) {
      case 'PolicyPublished': {
        const { version, hash, effectiveFrom } = data;
        const entry = { is: 'version', version, hash, effectiveFrom, withdrawn: false } as const;
        // Whatever was proposed had this number too.
        return { entries: [...line.entries, entry], proposal: undefined };
      }
      case 'PolicyShortNoticeProposed':
        return { ...line, proposal: data };
      case 'PolicyShortNoticeWithdrawn':
        return { ...line, proposal: undefined };
      case 'PolicyWithdrawn':
        return {
          ...line,
          entries: line.entries.map((entry) =>
            entry.is === 'version' && entry.version === data.version ? { ...entry, withdrawn: true } : entry,
          ),
        };
      case 'PolicyRetired':
        return { ...line, entries: [...line.entries, { is: 'retirement', effectiveFrom: data.effectiveFrom }] };
    }
  },
};
