import { type DynamicModule, Module, type Type, ValidationPipe } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, NestFactory } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { buyerDebt, contribution, fundControl, payout, reconciliation } from '@recourse/compensation';
import { deposit } from '@recourse/deposits';
import { complaint, dispute, incident, policy } from '@recourse/disputes';
import { checkWiring, unique } from '@recourse/eventing';
import { openAggregateStore, waitUntil } from '@recourse/eventstore';
import type { Identity } from '@recourse/identity';
import {
  acceptJson,
  type Adapters,
  aggregateStoreProvider,
  AtLeast,
  CallerGuard,
  deciders,
  handlersFor,
  Idempotency,
  identityToken,
  invalidInput,
  ProblemFilter,
  type Shown,
  shownToken,
  TimeLimit,
} from '@recourse/nest';
import { fees, order } from '@recourse/orders';
import { readModels } from '@recourse/postgres';
import { claimToDispute } from '@recourse/processes';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { appealCommands, Appeals } from './appeals.js';
import { AuditResource } from './audit.js';
import { buyerDebtCommands, BuyerDebts } from './buyer-debts.js';
import { Checklists } from './checklist.js';
import { ClockAdvance, ClockResource, VirtualClock } from './clock.js';
import { casePackCommands, CasePacks } from './case-packs.js';
import { complaintCommands, Complaints } from './complaints.js';
import { depositCommands, Deposits } from './deposits.js';
import { CaseList } from './case-list.js';
import { claimCommands, disputeCommands, Disputes } from './disputes.js';
import { Edge } from './edge.js';
import { evidenceCommands, EvidenceResource, uploadStreams } from './evidence.js';
import { Explanations } from './explanation.js';
import { Eligibilities, EligibilityResource } from './eligibility.js';
import { Exposures } from './exposures.js';
import { Faults } from './faults.js';
import { feeCommands, Fees } from './fees.js';
import { contributionCommands, fundControlCommands, FundResource } from './fund.js';
import { freezeCommands, Freezing } from './freezing.js';
import { Health } from './health.js';
import { incidentCommands, Incidents } from './incidents.js';
import { LedgerResource } from './ledger.js';
import { orderCommands, Orders } from './orders.js';
import { Parties } from './parties.js';
import { payoutCommands, Payouts } from './payouts.js';
import { Policies, policyCommands } from './policies.js';
import { PolicyShelf } from './policy-shelf.js';
import { PolicyTables } from './policy-tables.js';
import { Receipts, uniqueCommands } from './receipts.js';
import { Reconciliations, reconciliationCommands, billCommands } from './reconciliation.js';
import { Recourse, recourseCommands } from './recourse.js';
import { Refunds } from './refunds.js';
import { Relay, relayedDisputeCommands, relayedOrderCommands } from './relay.js';
import { Reviews } from './reviews.js';
import { WritesOnce } from './route.js';
import { Sandbox } from './sandbox.js';
import { largerBodies, maxBodyBytes, type Settings, uploadTimeoutMs } from './settings.js';
import { Statement } from './statement.js';
import {
  clockToken,
  databaseToken,
  eventStoreToken,
  queueToken,
  railsToken,
  sandboxRailToken,
  sandboxVerifierToken,
  settingsToken,
  uploadsToken,
  vaultToken,
} from './tokens.js';
import { TriageResource } from './triage.js';
import { Webhooks } from './webhooks.js';
import type { Log } from '@recourse/eventstore';

/** What the API is put together from. */
export interface ApiParts extends Adapters {
  readonly identity: Identity;
  readonly railReceiver: string;
  readonly log: Log;
}

const orders = [...orderCommands, ...freezeCommands, ...claimCommands, ...relayedOrderCommands] as const;
const disputes = [
  ...disputeCommands,
  ...evidenceCommands,
  ...appealCommands,
  ...casePackCommands,
  ...relayedDisputeCommands,
] as const;

checkWiring({
  deciders,
  commands: [
    ...orders,
    ...disputes,
    ...complaintCommands,
    ...policyCommands,
    ...incidentCommands,
    ...feeCommands,
    ...depositCommands,
    ...recourseCommands,
    ...contributionCommands,
    ...fundControlCommands,
    ...payoutCommands,
    ...buyerDebtCommands,
    ...billCommands,
    ...reconciliationCommands,
    ...uniqueCommands,
  ],
  projections: readModels,
  processes: [claimToDispute],
  // `recourse verify` rebuilds every read model and compares its rows.
  verified: readModels.map((model) => model.name),
});

@Module({})
class ApiModule {
  /** @throws Error for a virtual clock beside a rail that moves real money */
  static of(parts: ApiParts): DynamicModule {
    const { database, eventStore, log, vault, rails } = parts;
    const isSandbox = [...rails.values()].every((rail) => rail.isSandbox);
    const settings: Settings = { railReceiver: parts.railReceiver, virtualClock: parts.isClockVirtual, isSandbox };
    if (settings.virtualClock && !isSandbox) throw new Error('a virtual clock is refused: not every rail is a sandbox');
    const controllers: Type[] = [
      Health,
      Orders,
      Freezing,
      CaseList,
      Disputes,
      Appeals,
      Reviews,
      EvidenceResource,
      CasePacks,
      Complaints,
      Checklists,
      Explanations,
      Incidents,
      EligibilityResource,
      TriageResource,
      Refunds,
      Payouts,
      Deposits,
      Statement,
      Webhooks,
      FundResource,
      Recourse,
      BuyerDebts,
      Reconciliations,
      AuditResource,
      LedgerResource,
      Policies,
      Faults,
      Fees,
      ClockResource,
    ];
    if (settings.virtualClock) controllers.push(ClockAdvance);
    if (isSandbox) controllers.push(Sandbox);
    const shown: Shown = (position, timeoutMs) => waitUntil(database, readModels, position, timeoutMs);
    return {
      module: ApiModule,
      imports: [CqrsModule.forRoot()],
      controllers,
      providers: [
        { provide: clockToken, useValue: parts.clock },
        { provide: eventStoreToken, useValue: eventStore },
        { provide: databaseToken, useValue: database },
        { provide: queueToken, useValue: parts.queue },
        { provide: vaultToken, useValue: vault },
        { provide: uploadsToken, useValue: parts.uploads },
        { provide: railsToken, useValue: rails },
        { provide: sandboxRailToken, useValue: parts.sandboxRail },
        { provide: sandboxVerifierToken, useValue: parts.sandboxVerifier },
        { provide: settingsToken, useValue: settings },
        { provide: identityToken, useValue: parts.identity },
        { provide: shownToken, useValue: shown },
        { provide: Idempotency, useValue: new Idempotency(database.db, (input) => vault.fingerprint('request', input)) },
        Edge,
        Parties,
        Receipts,
        Exposures,
        PolicyShelf,
        PolicyTables,
        Eligibilities,
        Relay,
        ...(settings.virtualClock ? [VirtualClock] : []),
        aggregateStoreProvider(openAggregateStore({ eventStore, log })),
        ...handlersFor(order, ...orders),
        ...handlersFor(dispute, ...disputes),
        ...handlersFor(complaint, ...complaintCommands),
        ...handlersFor(policy, ...policyCommands),
        ...handlersFor(incident, ...incidentCommands),
        ...handlersFor(fees, ...feeCommands),
        ...handlersFor(deposit, ...depositCommands, ...recourseCommands),
        ...handlersFor(contribution, ...contributionCommands),
        ...handlersFor(fundControl, ...fundControlCommands),
        ...handlersFor(payout, ...payoutCommands, ...billCommands),
        ...handlersFor(buyerDebt, ...buyerDebtCommands),
        ...handlersFor(reconciliation, ...reconciliationCommands),
        ...handlersFor(unique, ...uniqueCommands),
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: CallerGuard },
        { provide: APP_INTERCEPTOR, useClass: TimeLimit },
        { provide: APP_INTERCEPTOR, useClass: AtLeast },
        { provide: APP_INTERCEPTOR, useClass: WritesOnce },
        {
          provide: APP_PIPE,
          useValue: new ValidationPipe({
            transform: true,
            whitelist: true,
            forbidNonWhitelisted: true,
            forbidUnknownValues: true,
            stopAtFirstError: true,
            validationError: { target: false, value: false },
            exceptionFactory: invalidInput,
          }),
        },
      ],
    };
  }
}

const headersTimeoutMs = 10_000;
const maxConnections = 1_000;

/** Answers hold keys and people's cases: nobody on the way keeps them. */
function noStore(_: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** Not listening yet. @throws Error for parts that do not fit together */
export async function createApi(parts: ApiParts): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.of(parts), {
    bodyParser: false,
    abortOnError: false,
    logger: ['error', 'warn'],
  });
  app.disable('etag');
  app.use(noStore);
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  acceptJson(app, maxBodyBytes, { streams: uploadStreams, larger: largerBodies });
  SwaggerModule.setup('docs', app, openApiOf(app), { jsonDocumentUrl: 'docs/openapi.json', customSiteTitle: 'Recourse API' });
  const server = app.getHttpServer();
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = uploadTimeoutMs;
  server.maxConnections = maxConnections;
  return app;
}

export function openApiOf(app: NestExpressApplication): OpenAPIObject {
  const description =
    'Refunds and compensation for card-key marketplaces. Every write takes an Idempotency-Key and answers with its log position; ' +
    'a read that names it in Recourse-At-Least sees the write. Errors are problem details (RFC 9457).';
  const info = new DocumentBuilder().setTitle('Recourse').setDescription(description).setVersion('0.1.0').addBearerAuth();
  return SwaggerModule.createDocument(app, info.setOpenAPIVersion('3.1.0').build());
}
