import { losses, type Eligibility, type PolicyProspects } from '@recourse/disputes';
import type { KnownUnit } from '@recourse/postgres';
import { rulesIn, sharedProspects, standingOf, textOf, type RuleText } from './eligibility-view.js';

/** Prospects and rules that units of one answer share; the units beside them have some 2 KiB each. */
export const maxSharedBytes = 4 * 1_024 * 1_024;

/** In the answer to many, one of them has no answer. */
export const problemOfUnit = (code: string, status: number, title: string, detail: string) => ({
  problem: { type: `urn:recourse:problem:${code}`, status, title, detail },
});
const answerFull = problemOfUnit(
  'answer-full',
  413,
  'Answer too large',
  `the units before it have too many different prospects for one answer (${maxSharedBytes} bytes); ask for it in another`,
);

type Text = RuleText & { readonly policy: string };

/** What many units of an answer have in common stands there once. */
export class SharedAnswers {
  private readonly prospects = new Map<string, { readonly id: string; readonly shown: object }>();
  private readonly rules = new Map<string, { readonly rule: string; readonly text: Text }>();
  private readonly clocks = new Map<string, object>();
  private bytes = 0;

  add(known: KnownUnit, answer: Eligibility, table: PolicyProspects): object {
    const { prospects, fingerprint } = answer.prospects;
    const { hash } = known.snapshot.terms.policy;
    for (const { name } of answer.clocks) this.clocks.set(name, losses[name]);
    const short = standingOf(known, answer);
    if (prospects.length === 0) return { eligibility: { ...short, prospects: null } };
    const key = `${hash} ${fingerprint} ${answer.escrow}`;
    const earlier = this.prospects.get(key)?.id;
    if (earlier !== undefined) return { eligibility: { ...short, prospects: earlier } };
    const id = this.share(key, sharedProspects(prospects, answer.escrow));
    if (id === undefined) return answerFull;
    for (const rule of rulesIn(prospects)) this.shareRule(hash, rule, table);
    return { eligibility: { ...short, prospects: id } };
  }

  shown() {
    const byPolicy = Map.groupBy(this.rules.values(), ({ text }) => text.policy);
    const textsOf = (rules: readonly { readonly rule: string; readonly text: Text }[]) =>
      Object.fromEntries(rules.map(({ rule, text: { explanation, basis } }) => [rule, { explanation, basis }]));
    return {
      prospects: Object.fromEntries([...this.prospects.values()].map(({ id, shown }) => [id, shown])),
      rules: Object.fromEntries([...byPolicy].map(([policy, rules]) => [policy, textsOf(rules)])),
      clocks: Object.fromEntries(this.clocks),
    };
  }

  private share(key: string, shown: object): string | undefined {
    const bytes = Buffer.byteLength(JSON.stringify(shown));
    if (this.bytes + bytes > maxSharedBytes) return undefined;
    this.bytes += bytes;
    const id = `p${this.prospects.size + 1}`;
    this.prospects.set(key, { id, shown });
    return id;
  }

  private shareRule(policy: string, rule: string, table: PolicyProspects): void {
    const key = `${policy} ${rule}`;
    if (this.rules.has(key)) return;
    const text = { policy, ...textOf(table, rule) };
    this.bytes += Buffer.byteLength(JSON.stringify(text));
    this.rules.set(key, { rule, text });
  }
}
