import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller } from '@recourse/nest';
import { balances, type Database } from '@recourse/postgres';
import { Reads } from './route.js';
import { databaseToken } from './tokens.js';

@ApiTags('books')
@Controller('books')
export class Books {
  constructor(@Inject(databaseToken) private readonly database: Database) {}

  @Get('trial-balance')
  @Reads('finance')
  @ApiOperation({ summary: 'Every account of the platform, credits minus debits; per asset they sum to zero' })
  async trialBalance(@Caller() { platform }: Actor) {
    const rows = await balances(this.database.db, platform);
    const assets = [...new Set(rows.map(({ asset }) => asset))];
    return {
      totals: assets.map((asset) => {
        const amounts = rows.filter((row) => row.asset === asset).map(({ amount }) => amount);
        const sum = (some: readonly bigint[]) => toJson({ asset, minor: some.reduce((total, amount) => total + amount, 0n) });
        return {
          asset,
          credits: sum(amounts.filter((amount) => amount > 0n)),
          debits: sum(amounts.filter((amount) => amount < 0n).map((amount) => -amount)),
          difference: sum(amounts),
        };
      }),
      accounts: rows.map(({ account, asset, amount }) => ({ account, balance: toJson({ asset, minor: amount }) })),
    };
  }
}
