import { newSecret, signed } from './signature.js';

describe('the signature of a message', () => {
  it('is the one that the Standard Webhooks specification publishes as its example', () => {
    expect(
      signed('msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_000, '{"test": 2432232314}', [
        'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      ]),
    ).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is made with every valid secret, the newest first', () => {
    const [one, other] = [newSecret(), newSecret()];
    const of = (...secrets: string[]) => signed('msg_1', 0, '{}', secrets)['webhook-signature'];
    expect(of(one, other)).toBe(`${of(one)} ${of(other)}`);
    expect(of(one)).not.toBe(of(other));
  });

  it('needs a secret of 32 random bytes', () => {
    expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(newSecret()).not.toBe(newSecret());
  });
});
