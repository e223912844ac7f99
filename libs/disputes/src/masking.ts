import { maskText, secretsOf } from './chat-numbers.js';
import { foldText } from './chat-text.js';

/**
 * A text that may leave the house: keys, accounts and telephone numbers starred out, as long as before. Order numbers stay,
 * since a text is about one.
 */
export const withoutSecrets = (text: string): string =>
  maskText(
    text,
    secretsOf(text, foldText(text), { steps: 0 }).filter(({ kind }) => kind !== 'order-number'),
  );
