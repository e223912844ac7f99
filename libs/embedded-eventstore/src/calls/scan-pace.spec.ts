import { pageEvents, scanPageEvents, scanTurnMs } from '../limits.js';
import { ScanPace } from './scan-pace.js';

describe('the pace of a filtered scan', () => {
  it('grows while most events are dropped in little time, up to its limit', () => {
    const pace = new ScanPace();
    for (let page = 0; page < 10; page++) pace.took(pace.events, 1, 0.1);
    expect(pace.events).toBe(scanPageEvents);
  });

  it('stays where a larger page would keep the thread too long, and goes back where one did', () => {
    const pace = new ScanPace();
    pace.took(pageEvents, 0, 0.1);
    pace.took(2 * pageEvents, 0, scanTurnMs * 0.9);
    expect(pace.events).toBe(2 * pageEvents);
    pace.took(2 * pageEvents, 0, scanTurnMs * 3);
    pace.took(pageEvents, 0, scanTurnMs * 3);
    expect(pace.events).toBe(pageEvents);
  });

  it('is that of other readers where many events are sent, or pages are cut short by their bytes', () => {
    const pace = new ScanPace();
    pace.took(pageEvents, pageEvents / 2, 0.1);
    pace.took(pageEvents - 1, 0, 0.1);
    expect(pace.events).toBe(pageEvents);
  });
});
