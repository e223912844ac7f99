import { endpointUrl, EndpointUrlError, guardedLookup, isAllowedAddress } from './address.js';

const outside = { allowLoopback: false };
const sandbox = { allowLoopback: true };

describe('where a message may go', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001:830::200e'])(
    '%s is public',
    (address) => {
      expect(isAllowedAddress(address, outside)).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::ffff:10.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:a00:1::',
    'not an address',
  ])('%s is not, in a sandbox either', (address) => {
    expect(isAllowedAddress(address, outside)).toBe(false);
    expect(isAllowedAddress(address, sandbox)).toBe(false);
  });

  it.each(['127.0.0.1', '127.8.9.10', '::1'])('%s is reached in a sandbox only', (address) => {
    expect(isAllowedAddress(address, outside)).toBe(false);
    expect(isAllowedAddress(address, sandbox)).toBe(true);
  });

  it('is asked of every address that a name leads to', async () => {
    const found = (allowLoopback: boolean) =>
      new Promise<unknown>((resolve) =>
        guardedLookup({ allowLoopback })('localhost', { all: true }, (error, addresses) => resolve(error ?? addresses)),
      );
    expect(await found(false)).toMatchObject({ code: 'ADDRESS_NOT_PUBLIC' });
    expect(await found(true)).toEqual(
      expect.arrayContaining([expect.objectContaining({ family: expect.any(Number) as number })]),
    );
  });
});

describe('the URL of an endpoint', () => {
  const codeOf = (url: string, policy = outside) => {
    try {
      return endpointUrl(url, policy).href;
    } catch (error) {
      return error instanceof EndpointUrlError ? error.code : error;
    }
  };

  it('is https, with a name or a public address', () => {
    expect(codeOf('https://shop.example/hooks?of=recourse')).toBe('https://shop.example/hooks?of=recourse');
    expect(codeOf('https://8.8.8.8:8443/')).toBe('https://8.8.8.8:8443/');
  });

  it.each([
    ['shop.example/hooks', 'UrlMalformed'],
    ['https://shop.example/#part', 'UrlMalformed'],
    [`https://shop.example/${'x'.repeat(2_048)}`, 'UrlMalformed'],
    ['http://shop.example/', 'UrlNotHttps'],
    ['ftp://shop.example/', 'UrlNotHttps'],
    ['file:///etc/passwd', 'UrlNotHttps'],
    ['https://name:word@shop.example/', 'UrlHasCredentials'],
    ['https://10.0.0.1/', 'AddressNotPublic'],
    ['https://169.254.169.254/latest/meta-data', 'AddressNotPublic'],
    ['https://[::ffff:10.0.0.1]/', 'AddressNotPublic'],
    ['https://2130706433/', 'AddressNotPublic'],
    ['https://0x7f.1/', 'AddressNotPublic'],
    ['https://localhost/', 'AddressNotPublic'],
    ['http://127.0.0.1/', 'UrlNotHttps'],
  ])('%s is refused: %s', (url, code) => {
    expect(codeOf(url)).toBe(code);
  });

  it('may be plain http to this machine in a sandbox, and to nobody else', () => {
    expect(codeOf('http://127.0.0.1:4000/hook', sandbox)).toBe('http://127.0.0.1:4000/hook');
    expect(codeOf('http://[::1]:4000/hook', sandbox)).toBe('http://[::1]:4000/hook');
    expect(codeOf('http://localhost:4000/hook', sandbox)).toBe('http://localhost:4000/hook');
    expect(codeOf('http://10.0.0.1/hook', sandbox)).toBe('UrlNotHttps');
  });
});
