import { money, sum, type Money } from '@recourse/money';
import { accountKinds, UnknownAccount, type AccountKind, type Side } from './accounts.js';

/** The balances of all accounts of one kind and asset, by the side they stand on; both sums are positive minor units. */
export interface KindSum {
  readonly platform: string;
  readonly kind: string;
  readonly asset: string;
  /** Accounts that are not at zero. */
  readonly accounts: bigint;
  readonly debits: bigint;
  readonly credits: bigint;
}

export interface TrialBalanceRow {
  readonly kind: AccountKind;
  readonly zh: string;
  readonly en: string;
  readonly normalSide: Side;
  readonly accounts: bigint;
  readonly debit: Money;
  readonly credit: Money;
}

/** One platform's books in one asset; they are right when both totals are equal. */
export interface TrialBalanceSheet {
  readonly platform: string;
  readonly asset: string;
  /** In the order of the chart of accounts. */
  readonly rows: readonly TrialBalanceRow[];
  readonly debit: Money;
  readonly credit: Money;
}

const order = Object.keys(accountKinds) as AccountKind[];

/** @throws UnknownAccount for a kind of a newer program, MoneyError OutOfRange */
export function trialBalanceSheets(sums: readonly KindSum[]): readonly TrialBalanceSheet[] {
  return [...Map.groupBy(sums, ({ platform, asset }) => `${platform} ${asset}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { platform, asset } = first;
    const rows = group
      .map(({ kind, accounts, debits, credits }): TrialBalanceRow => {
        const known = order.find((one) => one === kind);
        if (known === undefined) throw new UnknownAccount(kind);
        const { zh, en, normalSide } = accountKinds[known];
        return { kind: known, zh, en, normalSide, accounts, debit: money(debits, asset), credit: money(credits, asset) };
      })
      .toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
    const total = (side: Side) =>
      sum(
        rows.map((row) => row[side]),
        asset,
      );
    return [{ platform, asset, rows, debit: total('debit'), credit: total('credit') }];
  });
}
