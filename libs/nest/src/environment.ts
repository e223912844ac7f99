import { type Instant, isInstant } from '@recourse/eventing';
import { addressFault, isLoopback, type SourceName } from '@recourse/verifiers';
import { type ApprovalLimits, readApprovalLimits } from './approval-limit.js';

/** What an API or a worker is told about its installation, by environment variables. `.env.example` explains each. */
export interface Environment {
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
  /** `redis://…`, or the database's own URL. */
  readonly queueUrl: string;
  readonly keyFile: string;
  /** File or URL. */
  readonly jwks: string;
  readonly issuer: string;
  /** Where a virtual clock starts; undefined: the machine's clock. */
  readonly virtualClockStart: Instant | undefined;
  /** Our account at the rail. */
  readonly railReceiver: string;
  /** In minor units, by `{platform}/{asset}` or `{asset}`: what a payout may be without two people. */
  readonly approvalLimits: ApprovalLimits;
  /** Where official records are asked for; the sandbox answers for kinds without an address. */
  readonly verifierUrls: Readonly<Partial<Record<SourceName, string>>>;
  /** What requests to them are signed with; undefined when there is none. */
  readonly verifierKeyFile: string | undefined;
  readonly apiHost: string;
  readonly apiPort: number;
}

export class EnvironmentFaults extends Error {
  override readonly name = 'EnvironmentFaults';
  constructor(readonly faults: readonly string[]) {
    super(`the environment is not complete:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  }
}

/** Our account at the rail, where nothing else is said. */
export const defaultRailReceiver = 'recourse-platform';
const verifierVariables: Readonly<Record<SourceName, string>> = {
  'card-activation': 'VERIFIER_CARD_URL',
  'carrier-record': 'VERIFIER_CARRIER_URL',
  'membership-entitlement': 'VERIFIER_MEMBERSHIP_URL',
};
const defaultVirtualStart = '2026-03-01T01:00:00.000Z';

/** @throws EnvironmentFaults with every fault at once; values are not repeated, since some are secrets */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const faults: string[] = [];
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') faults.push(`${name} is missing`);
    return value ?? '';
  };
  const url = (name: string, value: string, ...schemes: string[]): string => {
    if (value !== '' && !schemes.some((scheme) => value.startsWith(`${scheme}://`)))
      faults.push(`${name} is not a URL of ${schemes.join(' or ')}`);
    return value;
  };
  const databaseUrl = url('DATABASE_URL', required('DATABASE_URL'), 'postgres', 'postgresql');
  const apiPort = Number(env['RECOURSE_API_PORT'] ?? '3210');
  if (!Number.isInteger(apiPort) || apiPort < 0 || apiPort > 65_535) faults.push('RECOURSE_API_PORT is not a port');
  const clock = env['RECOURSE_CLOCK'] ?? 'machine';
  if (clock !== 'machine' && clock !== 'virtual') faults.push('RECOURSE_CLOCK is neither machine nor virtual');
  const start = env['RECOURSE_CLOCK_START'] ?? defaultVirtualStart;
  if (!isInstant(start)) faults.push(`RECOURSE_CLOCK_START is not an instant like ${defaultVirtualStart}`);
  const approvalLimits = readApprovalLimits(env['RECOURSE_APPROVAL_LIMITS'] ?? '');
  if (approvalLimits === undefined)
    faults.push('RECOURSE_APPROVAL_LIMITS is not a list like CNY=1000000,demo/CNY=500000 in minor units of known assets');
  const verifierUrls: Partial<Record<SourceName, string>> = {};
  for (const [source, name] of Object.entries(verifierVariables) as [SourceName, string][]) {
    const address = env[name] ?? '';
    if (address === '') continue;
    const fault = addressFault(address);
    if (fault !== undefined) faults.push(`${name} ${fault}`);
    // Records of the world outside know nothing of a time that is made up.
    else if (clock === 'virtual' && !isLoopback(new URL(address)))
      faults.push(`${name} is no simulator on this machine, and RECOURSE_CLOCK is virtual`);
    verifierUrls[source] = address;
  }
  const isVerifierRemote = Object.keys(verifierUrls).length > 0;
  const environment: Environment = {
    databaseUrl,
    eventStoreUrl: url('EVENTSTORE_URL', required('EVENTSTORE_URL'), 'esdb', 'esdb+discover', 'kurrentdb', 'kurrentdb+discover'),
    queueUrl: url('REDIS_URL', env['REDIS_URL'] ?? databaseUrl, 'redis', 'rediss', 'postgres', 'postgresql'),
    keyFile: required('RECOURSE_KEY_FILE'),
    jwks: required('RECOURSE_JWKS'),
    issuer: required('RECOURSE_ISSUER'),
    virtualClockStart: clock === 'virtual' ? start : undefined,
    railReceiver: env['RECOURSE_RAIL_RECEIVER'] ?? defaultRailReceiver,
    approvalLimits: approvalLimits ?? new Map(),
    verifierUrls,
    verifierKeyFile: isVerifierRemote ? required('RECOURSE_VERIFIER_KEY_FILE') : undefined,
    apiHost: env['RECOURSE_API_HOST'] ?? '127.0.0.1',
    apiPort,
  };
  if (faults.length > 0) throw new EnvironmentFaults(faults);
  return environment;
}
