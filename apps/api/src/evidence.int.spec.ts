import { createHash, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { verifyPack } from '@recourse/case-pack';
import type { DisputeEvent } from '@recourse/disputes';
import { sql } from 'kysely';
import { cny, openMarket, startTestApi, type Answer, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let buyer: string;
let merchant: string;
let arbitrator: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  merchant = await api.person('merchant', 'm1');
  arbitrator = await api.person('arbitrator', 'a1');
});
afterAll(() => api.close());

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const page = Buffer.from('<html><script>alert(1)</script></html>');
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const problemOf = ({ body }: Answer): string => body.type?.replace('urn:recourse:problem:', '') ?? '';
const now = async (): Promise<string> => String((await api.get(await api.person('operator', 'o1'), '/clock')).body['now']);

interface Upload {
  readonly as?: string;
  readonly type?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
async function upload(
  disputeId: string,
  content: Buffer,
  { as = buyer, type = 'image/png', key = randomUUID(), headers = {} }: Upload = {},
): Promise<Answer> {
  const response = await fetch(`${api.url}/disputes/${disputeId}/files`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${as}`, 'Idempotency-Key': key, 'Content-Type': type, ...headers },
    body: new Uint8Array(content),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Answer['body'] };
}
async function openDispute(orderNo: string, change: object = {}): Promise<string> {
  await market.sell(orderNo);
  const { body } = await api.post(buyer, '/disputes', { orderNo, units: [1], reason: 'key-invalid', ...change });
  return String(body['disputeId']);
}
const submit = (disputeId: string, as: string, change: object = {}) =>
  api.post(as, `/disputes/${disputeId}/evidence`, {
    kind: 'abnormal-use',
    showsActivationFailure: true,
    text: '激活失败提示',
    ...change,
  });
const eventsOf = (disputeId: string) =>
  api.adapters.eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: 200 }) as Promise<readonly DisputeEvent[]>;
async function drafts(): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`select count(*) as count from files.upload`.execute(api.adapters.database.db);
  return Number(rows[0]?.count);
}
async function download(path: string, as: string) {
  const response = await fetch(`${api.url}${path}`, { headers: { Authorization: `Bearer ${as}` } });
  return { status: response.status, headers: response.headers, content: Buffer.from(await response.arrayBuffer()) };
}

describe('a file', () => {
  let disputeId: string;
  let path: string;

  it('is uploaded once, submitted with a piece of evidence and shown to the parties as what it is', async () => {
    disputeId = await openDispute('F1');
    const first = await upload(disputeId, png, { key: 'png-1' });
    expect(first).toMatchObject({ status: 201, body: { sha256: sha256(png), bytes: png.length, mediaType: 'image/png' } });
    const again = await upload(disputeId, png, { key: 'png-1' });
    expect([again.body, again.headers.get('Idempotency-Replayed')]).toEqual([first.body, 'true']);
    expect((await upload(disputeId, png, { type: 'application/octet-stream' })).body['sha256']).toBe(sha256(png));
    expect(problemOf(await upload(disputeId, Buffer.concat([png, png]), { key: 'png-1' }))).toBe('idempotency-key-reused');

    const problemAt = await now();
    const { body } = await submit(disputeId, buyer, { file: sha256(png), problemAt, capturedAt: problemAt });
    const known = { sha256: sha256(png), bytes: png.length, mediaType: 'image/png' };
    const view = await api.get(merchant, `/disputes/${disputeId}`, String(body['position']));
    expect(view.body['evidence']).toMatchObject([
      { by: 'buyer', kind: 'abnormal-use', problemAt, capturedAt: problemAt, file: known },
    ]);
    path = `/disputes/${disputeId}/evidence/${String(body['evidenceId'])}`;
    const piece = await api.get(arbitrator, path);
    expect(piece.body).toMatchObject({ file: known, problemAt, text: '激活失败提示' });
    expect(piece.text).not.toContain('person-');
  });

  it('is downloaded to be saved, never to be shown or run', async () => {
    const { status, headers, content } = await download(`${path}/file`, merchant);
    expect(status).toBe(200);
    expect(content.equals(png)).toBe(true);
    expect(headers.get('Content-Type')).toBe('image/png');
    expect(headers.get('Content-Disposition')).toMatch(/^attachment; filename="evidence-[0-9a-f]{32}\.png"$/);
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Content-Security-Policy')).toBe("default-src 'none'; sandbox");
    expect(headers.get('Cache-Control')).toBe('no-store');
    expect(headers.get('Content-Length')).toBe(String(png.length));
  });

  it('is for the parties of its case only', async () => {
    const strangers = [await api.person('buyer', 'b2'), await api.person('merchant', 'm2')];
    for (const as of strangers) {
      expect((await download(`${path}/file`, as)).status).toBe(404);
      expect(problemOf(await upload(disputeId, png, { as }))).toBe('dispute-unknown');
    }
    expect(problemOf(await upload(disputeId, png, { as: arbitrator }))).toBe('role-not-allowed');
    // What the buyer uploaded is not the merchant's to submit.
    const borrowed = { kind: 'account-record', showsActivationFailure: false, text: '截图', file: sha256(png) };
    const answer = await api.call({
      method: 'POST',
      path: `/disputes/${disputeId}/evidence`,
      as: merchant,
      key: 'borrowed',
      body: borrowed,
    });
    expect([answer.status, problemOf(answer)]).toEqual([422, 'file-unknown']);
  });

  it.each<[string, () => Promise<Answer>, number, string]>([
    ['a page that calls itself a picture', () => upload(disputeId, page), 415, 'file-type-refused'],
    [
      'a page that says nothing of itself',
      () => upload(disputeId, page, { type: 'application/octet-stream' }),
      415,
      'file-type-refused',
    ],
    ['a page that admits it', () => upload(disputeId, page, { type: 'text/html' }), 415, 'file-type-refused'],
    ['a drawing that can run scripts', () => upload(disputeId, page, { type: 'image/svg+xml' }), 415, 'file-type-refused'],
    ['a picture of another type', () => upload(disputeId, png, { type: 'image/jpeg' }), 415, 'file-type-mismatch'],
    ['JSON', () => upload(disputeId, Buffer.from('{}'), { type: 'application/json' }), 415, 'file-type-refused'],
    ['nothing', () => upload(disputeId, Buffer.alloc(0)), 422, 'file-empty'],
    ['something packed', () => upload(disputeId, png, { headers: { 'Content-Encoding': 'gzip' } }), 415, 'encoding-unsupported'],
    [
      'a text over its limit',
      () => upload(disputeId, Buffer.alloc(1_048_577, 'a'), { type: 'text/plain' }),
      413,
      'file-too-large',
    ],
    ['a key that is none', () => upload(disputeId, png, { key: 'two words' }), 400, 'idempotency-key-malformed'],
    ['a dispute that is not there', () => upload('demo.F1.9', png), 404, 'dispute-unknown'],
  ])('%s is refused and leaves nothing', async (_, act, status, problem) => {
    const before = [await api.logEnd(), await drafts()];
    const answer = await act();
    expect([answer.status, problemOf(answer)]).toEqual([status, problem]);
    expect([await api.logEnd(), await drafts()]).toEqual(before);
  });

  /** @param send writes what it likes; the answer comes while the request is still open */
  const streamed = (headers: Record<string, string>, send: (write: (part: Buffer) => void, cut: () => void) => void) =>
    new Promise<number | 'cut'>((resolve) => {
      const { port } = new URL(api.url);
      const sent = request(
        {
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: `/disputes/${disputeId}/files`,
          headers: { Authorization: `Bearer ${buyer}`, 'Idempotency-Key': randomUUID(), ...headers },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
          sent.destroy();
        },
      );
      sent.on('error', () => resolve('cut'));
      send(
        (part) => void sent.write(part),
        () => sent.destroy(),
      );
    });

  it('that announces too much is not read, and one that goes on without end is stopped in the middle', async () => {
    const before = await drafts();
    const announced = { 'Content-Type': 'video/mp4', 'Content-Length': '1000000000' };
    expect(await streamed(announced, (write) => write(png))).toBe(413);
    const text = Buffer.alloc(1_048_577, 'a');
    expect(await streamed({ 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' }, (write) => write(text))).toBe(413);
    const chunked = { 'Content-Type': 'image/png', 'Transfer-Encoding': 'chunked' };
    expect(await streamed(chunked, (write) => write(Buffer.alloc(64, '<')))).toBe(415);
    expect(await drafts()).toBe(before);
  });

  it('that breaks off leaves nothing, and its slot is free again', async () => {
    const before = await drafts();
    for (let i = 0; i < 4; i += 1) {
      const cut = await streamed({ 'Content-Type': 'image/png', 'Content-Length': '5000' }, (write, destroy) => {
        write(png);
        setImmediate(destroy);
      });
      expect(cut).toBe('cut');
    }
    expect(await drafts()).toBe(before);
    const other = Buffer.concat([png, Buffer.from('a second picture')]);
    // The server learns of a cut in its own time.
    let answer = await upload(disputeId, other);
    for (let tries = 0; tries < 200 && problemOf(answer) === 'uploads-busy'; tries += 1) answer = await upload(disputeId, other);
    expect(answer.status).toBe(201);
  });

  it('is gone after its erasure, which leaves the case and what it was decided on', async () => {
    const events = await eventsOf(disputeId);
    const piece = events.flatMap((event) => (event.type === 'EvidenceSubmitted' ? [event.data] : []))[0];
    for (const id of [piece!.content, piece!.file!.reference]) await api.adapters.vault.shred({ kind: 'person', id });
    for (const gone of [path, `${path}/file`]) {
      const answer = await api.get(buyer, gone);
      expect([answer.status, problemOf(answer)]).toEqual([410, 'evidence-erased']);
    }
    expect((await api.get(buyer, `/disputes/${disputeId}`)).body['evidence']).toMatchObject([{ file: { sha256: sha256(png) } }]);
    expect((await api.get(buyer, `/disputes/${disputeId}/completeness`)).status).toBe(200);
  });

  it('is not taken any more when the dispute is over', async () => {
    const over = await openDispute('F2', { draft: true });
    await api.post(buyer, `/disputes/${over}/withdrawal`);
    expect(problemOf(await upload(over, png))).toBe('evidence-too-late');
    const completeness = await api.get(buyer, `/disputes/${over}/completeness`);
    expect([completeness.status, problemOf(completeness)]).toEqual([409, 'dispute-over']);
  });
});

describe('a piece of evidence', () => {
  it.each<[string, 'buyer' | 'merchant', object, number, string]>([
    ['of a kind of the other side', 'buyer', { kind: 'supplier-proof' }, 422, 'wrong-evidence-kind'],
    ['that the merchant cannot have', 'merchant', { kind: 'screen-recording' }, 422, 'wrong-evidence-kind'],
    ['of the future', 'buyer', { capturedAt: '2999-01-01T00:00:00.000Z' }, 422, 'times-contradict'],
    [
      'captured before its problem',
      'buyer',
      { problemAt: '2026-03-01T00:00:00.001Z', capturedAt: '2026-03-01T00:00:00.000Z' },
      422,
      'times-contradict',
    ],
    ['of an unknown kind', 'buyer', { kind: 'hearsay' }, 400, 'invalid-input'],
    ['with a file that is no hash', 'buyer', { file: '../../etc/passwd' }, 400, 'invalid-input'],
    ['with a file that nobody uploaded', 'buyer', { file: 'ab'.repeat(32) }, 422, 'file-unknown'],
    ['of a moment that never was', 'buyer', { problemAt: '2026-02-31T00:00:00.000Z' }, 400, 'invalid-input'],
  ])('%s is refused', async (_, role, change, status, problem) => {
    const body = { kind: 'chat', showsActivationFailure: false, text: 'x', ...change };
    const as = role === 'buyer' ? buyer : merchant;
    const answer = await api.call({ method: 'POST', path: '/disputes/demo.F1.1/evidence', as, key: randomUUID(), body });
    expect([answer.status, problemOf(answer)]).toEqual([status, problem]);
  });

  it('may say with the claim when its problem showed', async () => {
    const problemAt = await now();
    const evidence = [{ kind: 'screen-recording', showsActivationFailure: true, text: '录屏', problemAt }];
    const disputeId = await openDispute('E1', { draft: true, evidence });
    const { body } = await api.get(buyer, `/disputes/${disputeId}/completeness`);
    expect(body).toMatchObject({
      status: 'draft',
      isComplete: false,
      units: [{ unit: 1, score: { covered: 2, of: 3 }, missing: [{ axis: 'party' }], timeliness: { grade: 'prompt' } }],
    });
  });
});

describe('a promise in a chat', () => {
  it('is confirmed by the merchant himself, who does not take it back', async () => {
    const disputeId = await openDispute('P2', { draft: true });
    const { body } = await submit(disputeId, merchant, { kind: 'chat', showsActivationFailure: false, text: '商家：给您补发' });
    const path = `/disputes/${disputeId}/evidence/${String(body['evidenceId'])}/tags`;
    await api.post(merchant, path, { problemConfirmed: true, merchantPromised: 'reissue' });
    const back = { problemConfirmed: true, merchantPromised: 'none' };
    expect(problemOf(await api.call({ method: 'POST', path, as: merchant, key: 'back', body: back }))).toBe('promise-binds');
    expect((await eventsOf(disputeId)).at(-1)).toMatchObject({
      type: 'MerchantPromised',
      data: { promise: 'reissue', confirmedBy: 'merchant-m1' },
    });
    const { body: picture } = await submit(disputeId, buyer);
    const notAChat = `/disputes/${disputeId}/evidence/${String(picture['evidenceId'])}/tags`;
    const other = await api.call({ method: 'POST', path: notAChat, as: arbitrator, key: 'picture', body: back });
    expect([other.status, problemOf(other)]).toEqual([422, 'not-a-chat']);
  });
});

it('a file is in the pack of its case, until it is erased', async () => {
  const disputeId = await openDispute('K1');
  await upload(disputeId, png);
  const { body: given } = await submit(disputeId, buyer, { file: sha256(png) });
  const path = `evidence/${String(given['evidenceId'])}.png`;
  const packed = async () => {
    const { status, content } = await download(`/disputes/${disputeId}/pack`, arbitrator);
    expect(status).toBe(200);
    expect((await verifyPack(content)).problems).toEqual([]);
    return content;
  };
  const whole = await packed();
  expect(whole.includes(png)).toBe(true);
  expect(whole.toString('utf8')).toContain(`"path": "${path}"`);
  const piece = (await eventsOf(disputeId)).flatMap(({ type, data }) => (type === 'EvidenceSubmitted' ? [data] : [])).at(-1);
  await api.adapters.vault.shred({ kind: 'person', id: piece!.file!.reference });
  const without = await packed();
  expect(without.includes(png)).toBe(false);
  expect(without.toString('utf8')).toContain('file erased on request');
});

it('neither side takes the room of the other, also when pieces come at once', async () => {
  const disputeId = await openDispute('R1', { draft: true });
  const answers = await Promise.all(
    Array.from({ length: 28 }, (_, i) =>
      api.call({
        method: 'POST',
        path: `/disputes/${disputeId}/evidence`,
        as: buyer,
        key: `room-${i}`,
        body: { kind: 'chat', showsActivationFailure: false, text: `piece ${i}` },
      }),
    ),
  );
  const accepted = answers.filter(({ status }) => status === 201);
  expect(accepted.length).toBeLessThanOrEqual(25);
  for (let i = 28; (await eventsOf(disputeId)).length < 26; i += 1) await submit(disputeId, buyer, { text: `piece ${i}` });
  const full = { kind: 'abnormal-use', showsActivationFailure: true, text: 'one too many' };
  const refused = await api.call({ method: 'POST', path: `/disputes/${disputeId}/evidence`, as: buyer, key: 'full', body: full });
  expect(problemOf(refused)).toBe('too-much-evidence');
  expect((await submit(disputeId, merchant, { kind: 'delivery-record', showsActivationFailure: false })).status).toBe(201);
});

describe('the default policy on a promise in a chat', () => {
  it('acts on it once a person has found it, never on a suggestion', async () => {
    await api.post(api.shop, '/orders', market.orderBody('P1'));
    await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-P1', amount: cny(5_000) });
    await api.post(api.shop, '/orders/P1/payments', { transaction: 'tx-P1' });
    await api.post(api.shop, '/orders/P1/deliveries', { units: [{ unit: 1, key: 'KEY-OF-P1-0001' }] });
    const { body: opened } = await api.post(buyer, '/disputes', { orderNo: 'P1', units: [1], reason: 'key-invalid' });
    const disputeId = String(opened['disputeId']);
    await api.settled();

    const chat = Buffer.from('商家：查到了，这张卡确实无效\n商家：今天给您退款\n', 'utf8');
    await upload(disputeId, chat, { type: 'text/plain; charset=utf-8' });
    const piece = { kind: 'chat', showsActivationFailure: false, text: '与商家的聊天记录', file: sha256(chat) };
    const { body: submitted } = await submit(disputeId, buyer, piece);
    expect(submitted['suggestedTags']).toEqual({ problemConfirmed: true, merchantPromised: 'refund' });
    await api.settled();
    // A suggestion decides nothing. K14
    expect((await eventsOf(disputeId)).map(({ type }) => type)).toEqual([
      'DisputeSubmitted',
      'VerificationRequested',
      'EvidenceSubmitted',
    ]);
    const before = await api.get(merchant, `/disputes/${disputeId}/completeness`);
    expect(before.body).toMatchObject({
      isComplete: false,
      units: [{ missingOfMerchant: [{ anyOf: ['supplier-proof', 'activation-record'] }] }],
    });

    const tags = `/disputes/${disputeId}/evidence/${String(submitted['evidenceId'])}/tags`;
    const confirmed = { problemConfirmed: true, merchantPromised: 'refund' };
    const byBuyer = await api.call({ method: 'POST', path: tags, as: buyer, key: 'no', body: confirmed });
    expect(problemOf(byBuyer)).toBe('role-not-allowed');
    const { body: tagged } = await api.post(arbitrator, tags, confirmed);
    await api.settled();
    const events = await eventsOf(disputeId);
    expect(events.map(({ type }) => type).slice(3)).toEqual(['EvidenceTagged', 'MerchantPromised', 'VerdictReached']);
    expect(events[4]?.data).toMatchObject({ promise: 'refund', confirmedBy: 'arbitrator-a1' });
    const view = await api.get(buyer, `/disputes/${disputeId}`, String(tagged['position']));
    expect(view.body).toMatchObject({
      status: 'decided',
      evidence: [{ kind: 'chat', tags: { problemConfirmed: true, merchantPromised: 'refund' } }],
      verdicts: [{ rule: 'promised-refund', units: [{ facts: { chat: 'strong', merchantPromise: 'refund' } }] }],
    });
    const late = await api.call({
      method: 'POST',
      path: tags,
      as: arbitrator,
      key: 'late',
      body: { ...confirmed, problemConfirmed: false },
    });
    expect(problemOf(late)).toBe('evidence-too-late');
  });
});
