import { Inject, Injectable } from '@nestjs/common';
import { policyHash, PolicyProspects } from '@recourse/disputes';
import { type Database, policiesOf } from '@recourse/postgres';
import { databaseToken } from './tokens.js';

/** Policies kept at once, each 64 KiB at most and what was worked out under it some 1 MiB; the oldest goes first. */
export const maxTables = 32;

/** Policies by the hash that an order froze: what has a hash never changes, so what was read once is good for ever. */
@Injectable()
export class PolicyTables {
  private readonly kept = new Map<string, PolicyProspects>();

  constructor(@Inject(databaseToken) private readonly database: Database) {}

  /** All of these, in one statement for those that are not at hand. @throws Error for one that was never published */
  async of(hashes: Iterable<string>): Promise<ReadonlyMap<string, PolicyProspects>> {
    const found = new Map<string, PolicyProspects>();
    const missing: string[] = [];
    for (const hash of new Set(hashes)) {
      const known = this.kept.get(hash);
      if (known === undefined) missing.push(hash);
      else found.set(hash, known);
    }
    const read = await policiesOf(this.database.db, missing);
    for (const hash of missing) {
      const table = read.get(hash);
      if (table === undefined || policyHash(table) !== hash) throw new Error(`no policy with the hash ${hash} was published`);
      const prospects = new PolicyProspects(table);
      found.set(hash, prospects);
      this.keep(hash, prospects);
    }
    return found;
  }

  private keep(hash: string, prospects: PolicyProspects): void {
    const [oldest] = this.kept.keys();
    if (this.kept.size >= maxTables && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(hash, prospects);
  }
}
