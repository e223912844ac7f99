import { eventsOf } from './event.js';
import { specify } from './specify.js';
import { unique, type UniqueEvent } from './unique.js';

const { given } = specify(unique);
const claimed = (owner: string) => eventsOf<UniqueEvent>()('UniqueClaimed', { kind: 'transaction', hash: 'h', owner });
const claim = (owner: string) => ({ type: 'ClaimUnique', kind: 'transaction', hash: 'h', owner }) as const;

it('belongs to whoever came first', () => {
  given().when(claim('order-1')).then(claimed('order-1'));
  given(claimed('order-1')).when(claim('order-1')).thenNothing();
  given(claimed('order-1')).when(claim('order-2')).thenRejected('OwnedByAnother');
});
