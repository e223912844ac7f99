import { money } from '@recourse/money';
import { approvalLimitOf, readApprovalLimits } from './approval-limit.js';

it('is that of the platform, or of the asset, or 10,000 in major units', () => {
  const limits = readApprovalLimits('CNY=500000, demo/CNY=0,other/USD=7') ?? new Map();
  expect(approvalLimitOf(limits, 'demo', 'CNY')).toEqual(money(0n));
  expect(approvalLimitOf(limits, 'other', 'CNY')).toEqual(money(500_000n));
  expect(approvalLimitOf(limits, 'other', 'USD')).toEqual(money(7n, 'USD'));
  expect(approvalLimitOf(limits, 'demo', 'USD')).toEqual(money(1_000_000n, 'USD'));
  expect(approvalLimitOf(limits, 'demo', 'JPY')).toEqual(money(10_000n, 'JPY'));
});

it('is nothing that could be read in two ways', () => {
  expect(readApprovalLimits('')).toEqual(new Map());
  for (const text of ['CNY', 'CNY=', 'CNY=-1', 'CNY=1.5', 'CNY=01', 'XYZ=1', 'CNY=1,CNY=2', 'CNY=1,', '/CNY=1', 'demo.m/CNY=1'])
    expect(readApprovalLimits(text)).toBeUndefined();
});
