import { formatAccount } from './accounts.js';
import { reporter, text, type Violation } from './invariant.js';
import type { Books } from './journal.js';

const violation = reporter('I6');

export interface MerchantOf {
  readonly platform: string;
  readonly merchant: string;
}
export const recourseOf = ({ platform, merchant: owner }: MerchantOf) => formatAccount({ platform, kind: 'recourse', owner });
/** A platform's fund, and the merchant whom a movement of it is about, if there is one. */
export interface FundOf {
  readonly platform: string;
  readonly merchant?: string;
}
const advancedOf = ({ platform }: FundOf) => formatAccount({ platform, kind: 'advanced' });
const availableOf = ({ platform }: FundOf) => formatAccount({ platform, kind: 'available' });

const nothing = {
  contributed: 0n,
  reserved: 0n,
  revoked: 0n,
  /** The merchants' part of what was revoked; what is left of `revoked` the platform bore. */
  revokedShare: 0n,
  returned: 0n,
  recovered: 0n,
  reimbursed: 0n,
  compensated: 0n,
  writtenOff: 0n,
  forgiven: 0n,
  /** The platform's part of what was reserved. */
  platformShare: 0n,
  /** Established against buyers, less what was repaid or written off of it. */
  fraud: 0n,
  fraudRepaid: 0n,
};
export type Term = keyof typeof nothing;
type Sums = Record<Term, bigint>;

/** Reserved − revoked − returned − (recovered − compensated) − written off − platform-borne. */
function outstandingOf(sums: Sums): bigint {
  const { reserved, revoked, revokedShare, returned, recovered, compensated, writtenOff, forgiven, platformShare } = sums;
  const borne = platformShare - (revoked - revokedShare) + forgiven + compensated - returned;
  return reserved - revoked - returned - (recovered - compensated) - writtenOff - borne;
}
const advancedBy = (sums: Sums): bigint => outstandingOf(sums) + sums.recovered - sums.reimbursed + sums.fraud;
function availableTo({ contributed, reserved, revoked, returned, reimbursed, compensated, fraudRepaid }: Sums): bigint {
  return contributed - reserved + revoked + returned + reimbursed - compensated + fraudRepaid;
}

/**
 * The sums over the refunds of each merchant and of each platform's fund, against what the books say is outstanding, advanced and
 * available. Keeps one entry per merchant and one per fund and asset.
 */
export class FundStandings {
  readonly #sums = new Map<string, Sums>();
  /** How far an account is off; each event that changes it is named once. */
  readonly #gaps = new Map<string, bigint>();

  add({ platform, merchant }: FundOf, asset: string, change: Partial<Sums>): void {
    const owners = [advancedOf({ platform }), ...(merchant === undefined ? [] : [recourseOf({ platform, merchant })])];
    for (const owner of owners) {
      const sums = this.#of(owner, asset);
      for (const [term, minor] of Object.entries(change) as [Term, bigint][]) sums[term] += minor;
    }
  }

  compare(position: bigint, of: FundOf, asset: string, books: Books): readonly Violation[] {
    const fund = this.#of(advancedOf(of), asset);
    const { platform, merchant } = of;
    const recourse = merchant === undefined ? undefined : recourseOf({ platform, merchant });
    return [
      ...(recourse === undefined ? [] : this.#gap(position, recourse, asset, outstandingOf(this.#of(recourse, asset)), books)),
      ...this.#gap(position, advancedOf(of), asset, advancedBy(fund), books),
      ...this.#gap(position, availableOf(of), asset, availableTo(fund), books),
    ];
  }

  #of(owner: string, asset: string): Sums {
    const key = `${owner} ${asset}`;
    const sums = this.#sums.get(key) ?? { ...nothing };
    this.#sums.set(key, sums);
    return sums;
  }

  #gap(position: bigint, account: string, asset: string, minor: bigint, books: Books): readonly Violation[] {
    const key = `${account} ${asset}`;
    const balance = books.balance(account, asset);
    const gap = balance.minor - minor;
    if (gap === (this.#gaps.get(key) ?? 0n)) return [];
    this.#gaps.set(key, gap);
    return gap === 0n ? [] : [violation(position, account, text(balance), `${text({ asset, minor })}, what its refunds leave`)];
  }
}
