export { startEventStoreNode, type EventStoreNode, type EventStoreNodeOptions } from './node.js';
