import { Body, Controller, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { factValues } from '@recourse/disputes';
import type { VerificationOutcome } from '@recourse/disputes/events';
import { isPositive, negate, toJson } from '@recourse/money';
import { Problem } from '@recourse/nest';
import type { WakeUps } from '@recourse/queue';
import { RailError, type SandboxRail, transferKey } from '@recourse/rails';
import type { Vault } from '@recourse/vault';
import type { SandboxVerifier } from '@recourse/verifiers';
import { derivedIdShape, MoneyField, moneyOf, OneOf, Part, Reference, Shape, Text, Whole } from './fields.js';
import { Parties } from './parties.js';
import { Once, type Write, Writes } from './route.js';
import type { Settings } from './settings.js';
import { queueToken, sandboxRailToken, sandboxVerifierToken, settingsToken, vaultToken } from './tokens.js';

class CaptureBody {
  @Reference({ example: '4200001234202603010001' })
  transaction!: string;

  @Part(() => MoneyField)
  amount!: MoneyField;
}

class ReversalBody {
  @Shape(derivedIdShape, { description: 'of which a transfer was paid', example: 'demo.G001.1.v1' })
  payoutId!: string;

  @Whole(1, 1_000, { description: 'which of its transfers', example: 1 })
  transferNo!: number;
}

class MovementBody {
  @Reference({ description: 'yours: the same movement told twice has the same', example: 'console-0001' })
  movementId!: string;

  @OneOf(['refund', 'fee', 'other'], { description: 'what the rail calls it' })
  what!: 'refund' | 'fee' | 'other';

  @OneOf(['in', 'out'], { description: 'into our account there, or out of it' })
  direction!: 'in' | 'out';

  @Part(() => MoneyField)
  amount!: MoneyField;

  @Reference({ description: 'of a refund, the transaction that it gives back', optional: true })
  reference?: string;
}

class VerificationBody {
  @Text(1_024, { description: 'the card key, or else a receipt', optional: true })
  key?: string;

  @Reference({ description: 'the receipt of a top-up', optional: true })
  receipt?: string;

  @OneOf(factValues.verification.filter((outcome) => outcome !== 'none'), { description: 'what the verifier will say' })
  outcome!: VerificationOutcome;
}

/** The world outside, as far as the sandbox plays it; registered only where every rail is a sandbox. */
@ApiTags('sandbox')
@Controller('sandbox')
export class Sandbox {
  constructor(
    @Inject(sandboxRailToken) private readonly rail: SandboxRail,
    @Inject(sandboxVerifierToken) private readonly verifier: SandboxVerifier,
    @Inject(vaultToken) private readonly vault: Vault,
    @Inject(settingsToken) private readonly settings: Settings,
    @Inject(queueToken) private readonly queue: WakeUps,
    @Inject(Parties) private readonly parties: Parties,
  ) {}

  @Post('captures')
  @Writes(201, 'shop', 'operator')
  @ApiOperation({ summary: 'Somebody pays at the gateway' })
  capture(@Body() { transaction, amount: stated }: CaptureBody, @Once() write: Write) {
    return write(async (run) => {
      const amount = moneyOf(stated);
      if (!isPositive(amount)) throw new Problem(422, 'amount-not-positive', 'a payment is one minor unit or more');
      // The same payment told twice keeps its first moment.
      const known = await this.rail.findCapture(transaction);
      const capturedAt = known?.capturedAt ?? run.at;
      const capture = { transaction, amount, receiver: this.settings.railReceiver, capturedAt };
      await this.rail.recordCapture(capture).catch((error: unknown) => {
        throw error instanceof RailError && error.code === 'CaptureDiffers'
          ? new Problem(409, 'capture-differs', 'the sandbox has a payment of this number with another amount')
          : error;
      });
      return { transaction, amount: toJson(amount), receiver: capture.receiver, capturedAt };
    });
  }

  @Post('reversals')
  @Writes(201, 'shop', 'operator')
  @ApiOperation({
    summary: "The payee's bank sends a paid transfer back; the rail notifies the house, which asks it what happened",
  })
  reversal(@Body() { payoutId, transferNo }: ReversalBody, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.payout(run.caller, payoutId);
      const key = transferKey(payoutId, transferNo);
      await this.rail.reverse(key, 'PAYEE_ACCOUNT_CLOSED').catch((error: unknown) => {
        throw error instanceof RailError && error.code === 'NothingToReverse'
          ? new Problem(409, 'nothing-to-reverse', 'the sandbox has paid no such transfer')
          : error;
      });
      // A notification is a wake-up and never the truth; one that is lost is made up for by the sweep.
      await this.queue.wake('payout', payoutId);
      return { payoutId, transferNo };
    });
  }

  @Post('movements')
  @Writes(201, 'finance', 'operator')
  @ApiOperation({
    summary: "Somebody moves money at the rail's console, or the rail by itself: nobody here is told but by the bill",
  })
  movement(@Body() { movementId, what, direction, amount: stated, reference }: MovementBody, @Once() write: Write) {
    return write(async () => {
      const amount = moneyOf(stated);
      if (!isPositive(amount)) throw new Problem(422, 'amount-not-positive', 'a movement is one minor unit or more');
      const movement = { movementId, what, amount: direction === 'in' ? amount : negate(amount) };
      await this.rail
        .recordMovement({ ...movement, ...(reference === undefined ? {} : { reference }) })
        .catch((error: unknown) => {
          throw error instanceof RailError && error.code === 'MovementDiffers'
            ? new Problem(409, 'movement-differs', 'the sandbox has a movement of this id with other data')
            : error;
        });
      return { movementId, what, direction, amount: toJson(amount) };
    });
  }

  @Post('verifications')
  @Writes(201, 'shop', 'operator')
  @ApiOperation({ summary: 'Tell the sandbox what its verifier will say of a key or a receipt' })
  verification(@Body() { key, receipt, outcome }: VerificationBody, @Once() write: Write) {
    return write(async () => {
      if ((key === undefined) === (receipt === undefined))
        throw new Problem(422, 'reference-unclear', 'name a key or a receipt, not both');
      const deliveryReference = receipt ?? this.vault.fingerprint('card-key', (key ?? '').trim());
      await this.verifier.recordAnswer({ deliveryReference, outcome });
      return { outcome };
    });
  }
}
