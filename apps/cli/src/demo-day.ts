/** The platform whose day `npm run demo` plays, and when that begins. */
export const demoPlatform = 'demo';
/** 09:00 on a Sunday in Shanghai. */
export const demoStart = '2026-03-01T01:00:00.000Z';
