/** The side on which an account grows: a liability by credits, an asset by debits. */
export type Side = 'debit' | 'credit';

interface AccountKindFacts {
  readonly zh: string;
  readonly en: string;
  readonly normalSide: Side;
  /** Its balance may never be negative (I4); only one owner stream debits it. */
  readonly floorZero: boolean;
  /** What follows the platform: `escrow:{owner}`, `merchant:{owner}:held`, `buyer:{owner}:owed`, `fund:available`. */
  readonly family: 'single' | 'merchant' | 'buyer' | 'fund' | 'platform';
}

/** Chart of accounts. Every account belongs to one platform: `{platform}/escrow:{orderId}`, `{platform}/fund:available`. */
export const accountKinds = {
  escrow: { zh: '订单托管款', en: 'Escrow of an order', normalSide: 'credit', floorZero: true, family: 'single' },
  refund: { zh: '待付退款', en: 'Refund to be paid', normalSide: 'credit', floorZero: true, family: 'single' },
  outgoing: {
    zh: '待付商户款',
    en: 'Settlement or withdrawal to be paid',
    normalSide: 'credit',
    floorZero: true,
    family: 'single',
  },
  gateway: { zh: '支付渠道账户', en: 'Account at a payment gateway', normalSide: 'debit', floorZero: false, family: 'single' },
  suspense: { zh: '待查差额', en: 'Difference to be explained', normalSide: 'debit', floorZero: false, family: 'single' },
  settling: {
    zh: '商户清算中款项',
    en: 'Merchant proceeds in clearing',
    normalSide: 'credit',
    floorZero: true,
    family: 'merchant',
  },
  payable: { zh: '应付商户货款', en: 'Payable to merchant', normalSide: 'credit', floorZero: true, family: 'merchant' },
  deposit: { zh: '商户保证金', en: 'Merchant deposit', normalSide: 'credit', floorZero: true, family: 'merchant' },
  held: { zh: '商户冻结保证金', en: 'Merchant deposit on hold', normalSide: 'credit', floorZero: true, family: 'merchant' },
  recourse: { zh: '应收商户追偿款', en: 'Recourse against merchant', normalSide: 'debit', floorZero: false, family: 'merchant' },
  owed: { zh: '应收买家款', en: 'Owed by buyer', normalSide: 'debit', floorZero: false, family: 'buyer' },
  available: { zh: '赔付基金可用余额', en: 'Compensation fund available', normalSide: 'credit', floorZero: true, family: 'fund' },
  advanced: {
    zh: '赔付基金垫付待收回',
    en: 'Compensation fund advanced',
    normalSide: 'credit',
    floorZero: false,
    family: 'fund',
  },
  fees: { zh: '平台服务费', en: 'Platform fees', normalSide: 'credit', floorZero: false, family: 'platform' },
  'gateway-cost': { zh: '支付渠道手续费', en: 'Gateway cost', normalSide: 'debit', floorZero: false, family: 'platform' },
  losses: { zh: '平台损失', en: 'Platform losses', normalSide: 'debit', floorZero: false, family: 'platform' },
} as const satisfies Record<string, AccountKindFacts>;

export type AccountKind = keyof typeof accountKinds;
type KindOf<Family extends AccountKindFacts['family']> = {
  [Kind in AccountKind]: (typeof accountKinds)[Kind]['family'] extends Family ? Kind : never;
}[AccountKind];

/** Families with an owner in the middle: `{party}:{owner}:{kind}`. */
const parties = ['merchant', 'buyer'] as const;
type Party = (typeof parties)[number];
const isParty = (family: string | undefined): family is Party => parties.some((party) => party === family);

/** An account as its parts. `owner` is the order, refund, payout, rail, merchant or buyer it is kept for. */
export type Account =
  | { readonly platform: string; readonly kind: KindOf<'single' | Party>; readonly owner: string }
  | { readonly platform: string; readonly kind: KindOf<'fund' | 'platform'> };

export function formatAccount(account: Account): string {
  if (!('owner' in account)) return `${account.platform}/${accountKinds[account.kind].family}:${account.kind}`;
  const { family } = accountKinds[account.kind];
  return isParty(family)
    ? `${account.platform}/${family}:${account.owner}:${account.kind}`
    : `${account.platform}/${account.kind}:${account.owner}`;
}

export class UnknownAccount extends Error {
  override readonly name = 'UnknownAccount';
  constructor(readonly account: string) {
    super(`${JSON.stringify(account.slice(0, 200))} is not the name of an account`);
  }
}

const isKind = (kind: string | undefined): kind is AccountKind => kind !== undefined && Object.hasOwn(accountKinds, kind);
const partyName = /^(merchant|buyer):(.+):([a-z]+)$/s;
const otherName = /^([a-z]+):(.+)$/s;

/** The way back from `formatAccount`; undefined for what is not the name of an account. */
export function findAccount(name: string): Account | undefined {
  const slash = name.indexOf('/');
  return slash < 1 ? undefined : (partyAccount(name, slash) ?? otherAccount(name, slash));
}

/** @throws UnknownAccount */
export function parseAccount(name: string): Account {
  const account = findAccount(name);
  if (account === undefined) throw new UnknownAccount(name);
  return account;
}

function partyAccount(name: string, slash: number): Account | undefined {
  const [, party, owner, kind] = partyName.exec(name.slice(slash + 1)) ?? [];
  if (owner === undefined || !isKind(kind) || accountKinds[kind].family !== party) return undefined;
  return { platform: name.slice(0, slash), kind: kind as KindOf<Party>, owner };
}

function otherAccount(name: string, slash: number): Account | undefined {
  const platform = name.slice(0, slash);
  const [, first, second] = otherName.exec(name.slice(slash + 1)) ?? [];
  if (first === undefined || second === undefined) return undefined;
  if (isKind(first))
    return accountKinds[first].family === 'single' ? { platform, kind: first as KindOf<'single'>, owner: second } : undefined;
  if (!isKind(second) || accountKinds[second].family !== first || isParty(first)) return undefined;
  return { platform, kind: second as KindOf<'fund' | 'platform'> };
}

/** @throws UnknownAccount */
export const normalSide = (name: string): Side => accountKinds[parseAccount(name).kind].normalSide;
