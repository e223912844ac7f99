import { askedServer } from '../asked-server.js';
import { eventsOf, type SeenRead } from '../wire.js';
import { idsOf, mustStore, newEvent, newEvents, newStream } from '../writing.js';

const server = askedServer();
const link = (revision: number, stream: string) => newEvent({ type: '$>', data: `${revision}@${stream}` });
const brief = ({ event, link: via }: SeenRead) => ({ event: event === 'absent' ? event : event.id, link: via?.id });
const read = async (stream: string, links: boolean) => eventsOf((await server.wire.read({ stream, links })).messages).map(brief);

describe('a link', () => {
  it('read with links resolved comes with the event it names, whose place is its own', async () => {
    const [stream, links] = [newStream(), newStream('links')];
    const events = newEvents(2);
    await mustStore(server.wire, stream, events);
    const pointer = link(1, stream);
    await mustStore(server.wire, links, [pointer]);
    const { messages } = await server.wire.read({ stream: links, links: true });
    expect(messages).toMatchObject([
      { event: { id: events[1]?.id, at: `${stream}@1` }, link: { id: pointer.id, at: `${links}@0` } },
    ]);
    // The position a reader goes on from is that of the link.
    const [seen] = eventsOf(messages);
    expect(seen?.position).toEqual({ commit: seen?.link?.commit });
  });

  it('read without resolving is an event like others', async () => {
    const [stream, links] = [newStream(), newStream('links')];
    await mustStore(server.wire, stream, newEvents(1));
    const pointer = link(0, stream);
    await mustStore(server.wire, links, [pointer]);
    expect(await read(links, false)).toEqual([{ event: pointer.id, link: undefined }]);
  });

  it('comes without an event if that is missing, truncated, deleted or tombstoned', async () => {
    const [short, truncated, deleted, tombstoned, links] = ['short', 'tb', 'del', 'gone', 'links'].map(newStream) as [
      string,
      string,
      string,
      string,
      string,
    ];
    for (const stream of [short, truncated, deleted, tombstoned]) await mustStore(server.wire, stream, newEvents(2));
    await mustStore(server.wire, `$$${truncated}`, [newEvent({ type: '$metadata', data: '{"$tb":1}' })]);
    await server.wire.softDelete(deleted);
    await server.wire.tombstone(tombstoned);
    const pointers = [link(9, short), link(0, truncated), link(0, deleted), link(0, tombstoned), link(0, newStream())];
    await mustStore(server.wire, links, pointers);
    expect(await read(links, true)).toEqual(idsOf(pointers).map((id) => ({ event: 'absent', link: id })));
  });

  it('whose data names no event comes back as itself', async () => {
    const links = newStream('links');
    const broken = newEvent({ type: '$>', data: 'not a link', contentType: 'application/octet-stream' });
    await mustStore(server.wire, links, [broken]);
    expect(await read(links, true)).toEqual([{ event: broken.id, link: undefined }]);
  });

  it('is resolved in $all and for subscribers too', async () => {
    const [stream, links] = [newStream(), newStream('links')];
    const events = newEvents(1);
    await mustStore(server.wire, stream, events);
    const pointer = link(0, stream);
    const { at: from } = await mustStore(server.wire, links, [pointer]);
    const expected = { event: events[0]?.id, link: pointer.id };
    expect(eventsOf((await server.wire.read({ from, count: 1, links: true })).messages).map(brief)).toEqual([expected]);
    const subscription = server.wire.subscribe({ stream: links, links: true });
    await subscription.until((seen) => eventsOf(seen).length === 1);
    subscription.close();
    expect(eventsOf(subscription.seen).map(brief)).toEqual([expected]);
  });
});
