import { lintPromise } from './promise.js';

const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false };
const minimums = { afterSaleHours: 24, deliverWithinHours: 72 };
const codes = (change: object, of: Parameters<typeof lintPromise>[1] = { minimums }) =>
  lintPromise({ ...promise, ...change }, of).map(({ code }) => code);

it('has nothing to say of a plain promise, at the very minimum', () => {
  expect(codes({})).toEqual([]);
  expect(codes({ deliverWithinHours: 72 })).toEqual([]);
  expect(codes({ sevenDay: true }, { productKind: 'game-card', minimums })).toEqual([]);
});

it.each([
  [{ afterSaleHours: undefined }, ['after-sale-vague']],
  [{ afterSaleHours: '24' }, ['after-sale-vague']],
  [{ afterSaleHours: 1.5 }, ['after-sale-vague']],
  [{ deliverWithinHours: 0 }, ['delivery-vague']],
  [{ deliverWithinHours: 8_761 }, ['delivery-vague']],
  [{ reissue: undefined }, ['reissue-unsaid']],
  [{ reissue: 'if in stock', sevenDay: null }, ['reissue-unsaid', 'seven-day-unsaid']],
  [{ afterSaleHours: 23 }, ['after-sale-too-short']],
  [{ deliverWithinHours: 73 }, ['delivery-too-slow']],
  [
    { afterSaleHours: 1, deliverWithinHours: 100, reissue: undefined },
    ['reissue-unsaid', 'after-sale-too-short', 'delivery-too-slow'],
  ],
])('of %j it says %j', (change, expected) => {
  expect(codes(change)).toEqual(expected);
});

it('knows no minimum where the policy publishes none, and no seven days for what is consumed when it arrives', () => {
  expect(codes({ afterSaleHours: 1 }, {})).toEqual([]);
  expect(codes({ sevenDay: true }, { productKind: 'phone-top-up' })).toEqual(['seven-day-on-top-up']);
});

it('says it in both languages, with the number and the basis', () => {
  const [short] = lintPromise({ ...promise, afterSaleHours: 23 }, { minimums });
  expect(short).toMatchObject({ basis: ['S26', 'S82'], message: { zh: expect.stringContaining('24 小时') as string } });
  expect(short?.message.en).toContain('the 24 hours that the policy publishes');
});
