import fc from 'fast-check';
import { documentsOf } from './documents.js';
import { pageOf } from './page.js';
import { sampleMaterial } from './sample-material.js';

const tagsOf = (page: string): string[] => page.match(/<[^>]*>/g) ?? [];

it('whatever somebody wrote is text and never markup', async () => {
  const material = await sampleMaterial('x');
  const plain = tagsOf(pageOf(documentsOf(material)));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=y>', "</pre>'&amp;", '\u2028<!--'),
      ),
      (text) => {
        const evidence = material.evidence.map((piece) => ({ ...piece, text }));
        const page = pageOf(documentsOf({ ...material, evidence }));
        expect(tagsOf(page)).toEqual(plain);
      },
    ),
    { numRuns: 50 },
  );
});

it('the page runs nothing and fetches nothing', async () => {
  const page = pageOf(documentsOf(await sampleMaterial('x')));
  expect(page).toContain("default-src 'none'");
  expect(page).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|\shref=|url\(|\son\w+=/);
});

it('the page says in Chinese and English what was decided, by which rule and on which facts', async () => {
  const page = pageOf(documentsOf(await sampleMaterial('客服说等一等')));
  for (const words of [
    '买家责任 BUYER',
    '时间线',
    'timeline',
    '客服说等一等',
    '12315',
    '****0123',
    '50.00 CNY',
    '2026-03-02 04:00:00.000',
  ])
    expect(page).toContain(words);
});
