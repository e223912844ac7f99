import { shanghaiDay, type Instant } from '@recourse/eventing';
import { assets, format, money, negate, scaleOf } from '@recourse/money';
import { accountKinds, parseAccount } from './accounts.js';
import type { Posting } from './posting.js';
import type { EventReferences } from './references.js';

/** All postings of one event. */
export interface HledgerTransaction extends EventReferences {
  readonly position: bigint;
  readonly eventType: string;
  readonly stream: string;
  readonly recordedAt: Instant;
  readonly effectiveAt: Instant;
  readonly postings: readonly Posting[];
}

/**
 * Our name of an account as hledger keeps it: whatever would end a name, split it or mean something there is %XX, as is the
 * colon within an owner's name, so that a name is never taken for the parent of another.
 */
export function hledgerAccount(name: string): string {
  const { platform, ...account } = parseAccount(name);
  const family = accountKinds[account.kind].family;
  const parts =
    'owner' in account
      ? family === 'single'
        ? [account.kind, account.owner]
        : [family, account.owner, account.kind]
      : [family, account.kind];
  return `${escaped(platform)}/${parts.map(escaped).join(':')}`;
}

// Letters and digits of any script survive; % is escaped as well, which makes names of ours and hledger's one to one.
const escaped = (text: string): string =>
  text.replaceAll(/[^\p{L}\p{N}._/~+@-]/gu, (character) => encodeURIComponent(character).replaceAll(/[!'()*]/g, hex));
const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

/** The declarations that `hledger check --strict` asks for, but for the accounts. `title` is a line for the reader. */
export function hledgerHead(title: string): string {
  const sample = (asset: string) => (scaleOf(asset) === 0 ? '1000.' : `1000.${'0'.repeat(scaleOf(asset))}`);
  return [
    `; ${title.replaceAll(/\s+/g, ' ')}`,
    'decimal-mark .',
    ...Object.keys(assets).map((asset) => `commodity ${sample(asset)} ${asset}`),
    '',
  ].join('\n');
}

/** Declares an account with its names in Chinese and English. @throws UnknownAccount */
export function hledgerAccountDirective(name: string): string {
  const { zh, en, normalSide } = accountKinds[parseAccount(name).kind];
  return `account ${hledgerAccount(name)}  ; ${zh} ${en}, type:${normalSide === 'debit' ? 'A' : 'L'}\n`;
}

/** Debits are positive, as hledger has them; the date is the day of record in Asia/Shanghai. @throws UnknownAccount, MoneyError */
export function hledgerTransaction(transaction: HledgerTransaction): string {
  const { position, eventType, stream, recordedAt, effectiveAt, postings, orderId, caseId, refundId, reference } = transaction;
  const tags = Object.entries({
    stream,
    recorded: recordedAt,
    ...(effectiveAt === recordedAt ? {} : { effective: effectiveAt }),
    order: orderId,
    dispute: caseId,
    refund: refundId,
    reference,
  }).flatMap(([tag, value]) => (value === undefined ? [] : [`    ; ${tag}: ${tagValue(value)}`]));
  const lines = postings.flatMap(({ debit, credit, amount: { asset, minor } }) => {
    const amount = money(minor, asset);
    return [[debit, amount] as const, [credit, negate(amount)] as const].map(
      ([account, change]) => `    ${hledgerAccount(account)}  ${format(change)} ${asset}`,
    );
  });
  return `${[`${shanghaiDay(recordedAt)} * (${position}) ${eventType}`, ...tags, ...lines].join('\n')}\n\n`;
}

// A comma ends the value of a tag.
const tagValue = (text: string): string => text.replaceAll(/[,\s%]/g, (character) => encodeURIComponent(character));
