import { Body, Controller, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { factValues } from '@recourse/disputes';
import type { VerificationOutcome } from '@recourse/disputes/events';
import { isPositive, toJson } from '@recourse/money';
import { Problem } from '@recourse/nest';
import { RailError, type SandboxRail } from '@recourse/rails';
import type { Vault } from '@recourse/vault';
import type { SandboxVerifier } from '@recourse/verifiers';
import { MoneyField, moneyOf, OneOf, Part, Reference, Text } from './fields.js';
import { Once, type Write, Writes } from './route.js';
import type { Settings } from './settings.js';
import { sandboxRailToken, sandboxVerifierToken, settingsToken, vaultToken } from './tokens.js';

class CaptureBody {
  @Reference({ example: '4200001234202603010001' })
  transaction!: string;

  @Part(() => MoneyField)
  amount!: MoneyField;
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
