import { startRedis } from './redis-server.js';
import { describeWakeUps } from './wake-ups.js';

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

describeWakeUps('Redis', () => redis.url);
