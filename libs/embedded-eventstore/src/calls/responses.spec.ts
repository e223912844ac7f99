import fc from 'fast-check';
import { sharedMessages, streamMessages } from './protocol.js';
import { appended, batchAppended, noCorrelation } from './responses.js';

const revision = fc.oneof(fc.constant(-1), fc.maxSafeNat());
const position = fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined });

interface Success {
  hasNoStream(): boolean;
  hasCurrentRevision(): boolean;
  getCurrentRevision(): string;
  hasNoPosition(): boolean;
  getPosition(): { getCommitPosition(): string; getPreparePosition(): string } | undefined;
}

function expectSuccess(success: Success | undefined, revision: number, position: number | undefined): void {
  expect(success?.hasNoStream()).toBe(revision < 0);
  expect(success?.hasCurrentRevision()).toBe(revision >= 0);
  if (revision >= 0) expect(success?.getCurrentRevision()).toBe(String(revision));
  expect(success?.hasNoPosition()).toBe(position === undefined);
  const at = success?.getPosition();
  expect([at?.getCommitPosition(), at?.getPreparePosition()]).toEqual(
    position === undefined ? [undefined, undefined] : [String(position), String(position)],
  );
}

describe('an answer written by hand', () => {
  it('to Append reads as the generated message', () => {
    fc.assert(
      fc.property(revision, position, (revision, position) => {
        const answer = streamMessages.AppendResp.deserializeBinary(appended({ outcome: 'appended', revision, position }));
        expectSuccess(answer.getSuccess(), revision, position);
      }),
    );
  });

  it('to BatchAppend reads as the generated message, with correlation id and stream as they came', () => {
    const stream = fc.option(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    );
    fc.assert(
      fc.property(fc.uuid(), stream, revision, position, (id, stream, revision, position) => {
        const correlation = Buffer.from(new sharedMessages.UUID().setString(id).serializeBinary());
        const bytes = batchAppended({ correlation, stream }, { outcome: 'appended', revision, position });
        const answer = streamMessages.BatchAppendResp.deserializeBinary(bytes);
        expect(answer.getCorrelationId()?.getString()).toBe(id);
        expect(answer.hasStreamIdentifier()).toBe(stream !== undefined);
        if (stream) expect(Buffer.from(answer.getStreamIdentifier()?.getStreamName_asU8() ?? [])).toEqual(stream);
        expectSuccess(answer.getSuccess(), revision, position);
      }),
    );
  });

  it('without a correlation id goes to the id of zeros', () => {
    const bytes = batchAppended(
      { correlation: noCorrelation, stream: undefined },
      { outcome: 'appended', revision: 0, position: 16 },
    );
    const correlation = streamMessages.BatchAppendResp.deserializeBinary(bytes).getCorrelationId();
    expect(correlation?.hasStructured()).toBe(true);
    expect(correlation?.getStructured()?.getMostSignificantBits()).toBe('0');
  });
});
