import { compare, sameAsset } from '@recourse/money';
import { type Fields, Unreadable } from './fields.js';
import { expiredAt, type Finding, type RecordSource, settled, usedAt } from './record-source.js';
import type { VerificationQuestion } from './verifier.js';

const states = ['UNUSED', 'ACTIVATED', 'EXPIRED', 'INVALID'] as const;

/** A card is good for less than it was listed with the issuer for. Both amounts, or neither. */
function isWorthLess(record: Fields): boolean {
  if (!record.has('faceValue') && !record.has('listedValue')) return false;
  const [faceValue, listedValue] = [record.money('faceValue'), record.money('listedValue')];
  if (!sameAsset(faceValue, listedValue)) throw new Unreadable('faceValue and listedValue are of different kinds of money');
  return compare(faceValue, listedValue) < 0;
}

function stateOf(record: Fields, question: VerificationQuestion): Finding {
  const state = record.oneOf('state', states);
  switch (state) {
    case 'UNUSED':
      return settled('UNUSED');
    case 'ACTIVATED':
      return usedAt(record.instant('activatedAt'), question);
    case 'EXPIRED':
      return expiredAt(record.instant('expiredAt'), question);
    case 'INVALID':
      return settled('INVALID');
  }
}

/** The issuer's record of a game card. S50 */
export const cardActivation: RecordSource = {
  name: 'card-activation',
  productKind: 'game-card',
  path: '/v1/card-activations/query',
  read: (record, question) => {
    const finding = stateOf(record, question);
    const worthLess = isWorthLess(record);
    const isGood = finding.is === 'settled' && ['UNUSED', 'ACTIVATED_AFTER_REVEAL'].includes(finding.outcome);
    return worthLess && isGood ? settled('WRONG_VALUE') : finding;
  },
};
