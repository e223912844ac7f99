export { byteOrderMark, csvLine, csvOf, type Cell, type Sheet } from './csv.js';
export { figureReport, speedReport, type Figure, type FigureReport, type SpeedReport } from './figure-report.js';
export { type FigureReportName, type FigureScope, type PublishedPolicy } from './figures.js';
export { periodBetween, PeriodError, periodShape, shanghaiPeriod, type Period, type WrittenPeriod } from './period.js';
export { noRule, parseGroupings, refundGroupingNames, type RefundGrouping, type RefundSelection } from './refund-selection.js';
export { AuditTooLarge, refundReport, type RefundReport } from './refund-totals.js';
export {
  countRefunds,
  eventAt,
  eventsOfRefund,
  everyRefundOfTotal,
  refundPlaces,
  refundsOfTotal,
  type AuditedEvent,
  type PlacedEvent,
} from './refund-trail.js';
export { plain, refundNotes, sheetOfChecks, sheetOfFigures, sheetOfRefunds, sheetOfSpeed, sheetOfTotals } from './sheets.js';
