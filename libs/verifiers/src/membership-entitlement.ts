import { isAfter } from '@recourse/eventing';
import { doubtful, expiredAt, type RecordSource, settled, usedAt } from './record-source.js';

const states = ['NONE', 'ACTIVE', 'EXPIRED', 'INVALID'] as const;

/** What the membership service grants by a code. S52 */
export const membershipEntitlement: RecordSource = {
  name: 'membership-entitlement',
  productKind: 'membership',
  path: '/v1/entitlements/query',
  read: (record, question) => {
    const state = record.oneOf('state', states);
    switch (state) {
      case 'NONE':
        // That nobody has it does not yet say that the buyer can still get it.
        return settled(record.flag('redeemable') ? 'UNUSED' : 'INVALID');
      case 'ACTIVE':
        return usedAt(record.instant('activeSince'), question);
      case 'EXPIRED': {
        const end = record.instant('expiredAt');
        if (!record.has('activeSince')) return expiredAt(end, question);
        const activeSince = record.instant('activeSince');
        if (isAfter(activeSince, end)) return doubtful('it expired before it was used');
        const use = usedAt(activeSince, question);
        return use.is === 'settled' && use.outcome === 'ACTIVATED_AFTER_REVEAL'
          ? doubtful('the buyer used it, and whether it lasted as long as was sold is not in the record')
          : use;
      }
      case 'INVALID':
        return settled('INVALID');
    }
  },
};
