import { sql } from 'kysely';
import { startTestApi, type TestApi } from './testbed.js';

let api: TestApi;
let buyer: string;
beforeAll(async () => {
  api = await startTestApi();
  buyer = await api.person('buyer', 'b1');
});
afterAll(() => api.close());

const pasted = '我：卡密 ABCD-1234-EFGH-5678 激活失败\n商家：查了，确实无效，24小时内给您补发';

it('a chat is read for its parties and for those who review, and the answer says that it decides nothing', async () => {
  for (const role of ['buyer', 'arbitrator', 'operator'] as const) {
    const { body } = await api.post(await api.person(role, `${role}-1`), '/triage', { pasted });
    expect(body['notice']).toEqual({ zh: expect.stringContaining('仅为'), en: expect.stringContaining('decide nothing') });
    expect(body['suggestions']).toMatchObject({ reasons: [{ reason: 'key-invalid' }], chat: { isStrong: true } });
  }
  const { body } = await api.post(buyer, '/triage', { pasted });
  expect(body['messages']).toMatchObject([{ speaker: 'buyer' }, { speaker: 'merchant' }]);
  const { body: pastedByMerchant } = await api.post(await api.person('merchant', 'm1'), '/triage', { pasted });
  expect(pastedByMerchant['messages']).toMatchObject([{ speaker: 'merchant' }, { speaker: 'merchant' }]);
});

it('nothing of a chat is kept, in the log or beside the idempotency key, and the same request gets the same answer', async () => {
  const before = await api.logEnd();
  const call = { method: 'POST', path: '/triage', as: buyer, key: 'chat-1', body: { pasted } } as const;
  const first = await api.call(call);
  const again = await api.call(call);
  expect(first.status).toBe(200);
  expect(first.text).not.toContain('ABCD');
  expect([again.status, again.text, again.headers.get('Idempotency-Replayed')]).toEqual([200, first.text, 'true']);
  expect(await api.logEnd()).toBe(before);
  const { rows } = await sql<{ answer: object }>`select answer from edge.request where key = 'chat-1'`.execute(
    api.adapters.database.db,
  );
  expect(rows.map(({ answer }) => Object.keys(answer))).toEqual([['copiedAt']]);
  const other = await api.call({ ...call, body: { pasted: '商家：您好' } });
  expect([other.status, other.body.type]).toEqual([422, 'urn:recourse:problem:idempotency-key-reused']);
});

it.each([
  ['both forms at once', { pasted, messages: [{ speaker: 'buyer', text: 'x' }] }, 422, 'transcript-unclear'],
  ['neither form', {}, 422, 'transcript-unclear'],
  ['nothing but blanks', { pasted: ' \n ' }, 422, 'transcript-empty'],
  ['an unknown speaker', { messages: [{ speaker: 'bot', text: 'x' }] }, 400, 'invalid-input'],
])('%s is refused', async (_, body, status, problem) => {
  const answer = await api.call({ method: 'POST', path: '/triage', as: buyer, key: `bad-${problem}-${_.length}`, body });
  expect([answer.status, answer.body.type]).toEqual([status, `urn:recourse:problem:${problem}`]);
});
