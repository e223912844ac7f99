import { addressFault, isLoopback } from './source-address.js';

it('a source is asked over https, or on this machine', () => {
  for (const good of [
    'https://issuer.example.com',
    'https://issuer.example.com/api/',
    'http://127.0.0.1:3299',
    'http://[::1]:1',
    'http://localhost',
  ])
    expect(addressFault(good)).toBeUndefined();
  expect(addressFault('http://issuer.example.com')).toBe('is neither https nor http on loopback');
  expect(addressFault('http://127.0.0.1.example.com')).toBe('is neither https nor http on loopback');
  expect(addressFault('ftp://127.0.0.1')).toBe('is neither https nor http on loopback');
  expect(addressFault('issuer')).toBe('is not a URL');
  expect(addressFault('https://me:secret@issuer.example.com')).toBe('has a name or password in it: requests are signed instead');
  expect(addressFault('https://issuer.example.com/?key=1')).toBe('has a query or a fragment');
});

it('knows its own machine', () => {
  expect(isLoopback(new URL('http://127.9.9.9'))).toBe(true);
  expect(isLoopback(new URL('https://128.0.0.1'))).toBe(false);
});
