import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { batchAppend, eventMessages, supportedMethods, wantedBy } from './ceiling-answers.js';
import { dataOf, typeOf } from './workload.js';

const { ReadReq, ReadResp } = streams;
const { Options } = ReadReq;

it('the client is told of the batch call', () => {
  const paths = supportedMethods()
    .getMethodsList()
    .map((method) => `/${method.getServiceName()}/${method.getMethodName()}`);
  expect(paths).toContain(batchAppend.path.toLowerCase());
});

it('the ready-made messages are events of the workload', () => {
  const [, second] = eventMessages(2);
  const event = ReadResp.deserializeBinary(second!).getEvent()?.getEvent();
  expect(event?.getStreamRevision()).toBe('1');
  expect(event?.getMetadataMap().get('type')).toBe(typeOf(1));
  expect(JSON.parse(Buffer.from(event!.getData_asU8()).toString())).toEqual(dataOf(1));
});

describe('a request is for', () => {
  it('as many events as it counts', () => {
    const request = new ReadReq().setOptions(new Options().setCount('7'));
    expect(wantedBy(request, 20)).toEqual({ isSubscription: false, events: 7 });
  });

  it('no more than there are', () => {
    const request = new ReadReq().setOptions(new Options().setCount('700'));
    expect(wantedBy(request, 20).events).toBe(20);
  });

  it('all of them if it subscribes, and half of them with a filter', () => {
    const options = new Options().setSubscription(new Options.SubscriptionOptions()).setNoFilter(new shared.Empty());
    expect(wantedBy(new ReadReq().setOptions(options), 20)).toEqual({ isSubscription: true, events: 20 });
    options.setFilter(new Options.FilterOptions());
    expect(wantedBy(new ReadReq().setOptions(options), 20).events).toBe(10);
  });
});
