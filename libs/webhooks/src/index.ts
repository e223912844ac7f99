export { endpointUrl, EndpointUrlError, type AddressPolicy, type UrlFault } from './address.js';
export { endpointsToServe, serveEndpoint, type DeliveryTools } from './delivery.js';
export { startDispatcher, type DispatcherOptions } from './dispatcher.js';
export {
  disableEndpoint,
  enableEndpoint,
  findEndpoint,
  listEndpoints,
  maxEnabledEndpoints,
  registerEndpoint,
  rotateSecret,
  rotationHours,
  TooManyEndpoints,
  type Endpoint,
  type EndpointChange,
  type EndpointTools,
  type Owner,
  type Registration,
} from './endpoint.js';
export { listMessages, messageId, replayMessages, type MessagePage, type Replay } from './message.js';
export { migrations } from './migrations.js';
export { linksOf, noticeTypes, type MovementLinks } from './notice.js';
export type { AttemptRow, MessageRow } from './tables.js';
