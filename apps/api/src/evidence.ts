import { Readable } from 'node:stream';
import { Body, Controller, Get, Inject, Param, Post, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { completenessOfCase, type Dispute, dispute, takesEvidence } from '@recourse/disputes';
import type { DisputeCommand, DisputeEvent } from '@recourse/disputes/events';
import type { Actor, DataOf } from '@recourse/eventing';
import { type EventStore, stateOf } from '@recourse/eventstore';
import {
  extensionOf,
  FileError,
  type FileErrorCode,
  maxFileBytes,
  type MediaType,
  mediaTypes,
  scopeOf,
  type StoredFile,
  type Uploads,
} from '@recourse/files';
import { Caller, commandOf, demandIdempotencyKey, kebab, Problem, TakesAtMost } from '@recourse/nest';
import { type Vault, VaultError } from '@recourse/vault';
import type { Request, Response } from 'express';
import { Edge, maxStreamEvents } from './edge.js';
import { addEvidence, EvidenceField, evidenceOf, SubmitEvidence } from './evidence-body.js';
import { Flag, OneOf } from './fields.js';
import { Parties } from './parties.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import { uploadTimeoutMs } from './settings.js';
import { eventStoreToken, uploadsToken, vaultToken } from './tokens.js';
import { UploadSlots } from './upload-slots.js';

class TagEvidence extends commandOf<DisputeCommand, 'TagEvidence'>('dispute', 'TagEvidence') {}

export const evidenceCommands = [SubmitEvidence, TagEvidence] as const;

const promises = ['none', 'reissue', 'refund'] as const;

class TagsBody {
  @Flag({ description: 'the merchant confirms the problem in this chat', example: true })
  problemConfirmed!: boolean;

  @OneOf(promises, { description: 'what he promises in it, without conditions; it binds him' }) // S46
  merchantPromised!: (typeof promises)[number];
}

type Submitted = DataOf<DisputeEvent, 'EvidenceSubmitted'>;

const statuses: Readonly<Record<FileErrorCode, number>> = {
  Empty: 422,
  TooLarge: 413,
  TypeRefused: 415,
  TypeMismatch: 415,
  NoRoom: 409,
  Missing: 409,
  Tampered: 500,
  StoreUnusable: 500,
};
/** What is left of the body is not waited for. */
const closing = { headers: { Connection: 'close' } };
const untyped = 'application/octet-stream';
const maxChatFileBytes = 65_536;

const partyOf = ({ role }: Actor): 'buyer' | 'merchant' => (role === 'merchant' ? 'merchant' : 'buyer');
const isMediaType = (type: string): type is MediaType => (mediaTypes as readonly string[]).includes(type);

/** Its evidence and what it shows: uploads, pieces, tags, completeness. */
@ApiTags('evidence')
@Controller('disputes')
export class EvidenceResource {
  private readonly slots = new UploadSlots();

  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(vaultToken) private readonly vault: Vault,
    @Inject(uploadsToken) private readonly uploads: Uploads,
  ) {}

  @Post(':disputeId/files')
  @Writes(201, 'buyer', 'merchant')
  @TakesAtMost(uploadTimeoutMs)
  @ApiConsumes(...mediaTypes, untyped)
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOperation({
    summary: 'Upload a file, to be named by its SHA-256 in a piece of evidence within 24 h; the same content is the same file',
    description:
      'The body is the file. What it is is found from its content: PNG, JPEG, WebP, PDF and plain text (10 MiB, text 1 MiB), MP4 ' +
      'and WebM (50 MiB); 20 files and 150 MiB for each side of a dispute.',
  })
  async upload(@Param('disputeId') disputeId: string, @Req() request: Request, @Caller() caller: Actor, @Once() write: Write) {
    demandIdempotencyKey(request.header('Idempotency-Key'));
    await this.parties.dispute(caller, disputeId);
    await this.demandOpen(disputeId);
    const declared = declaredType(request);
    const giveBack = this.slots.take(`${caller.platform}/${caller.subject}`);
    try {
      const received = await arriving(request, () =>
        // Not destroyed when something is refused in the middle: the answer has to get out.
        this.uploads.receive(scopeOf({ disputeId, by: partyOf(caller) }), request.iterator({ destroyOnReturn: false }), declared),
      );
      const { sha256, bytes, mediaType } = received;
      try {
        return await write(
          async () => {
            await arriving(request, () => received.keep());
            return { disputeId, sha256, bytes, mediaType };
          },
          { sha256, bytes, mediaType },
        );
      } finally {
        await received.discard();
      }
    } finally {
      giveBack();
    }
  }

  @Post(':disputeId/evidence')
  @Writes(201, 'buyer', 'merchant')
  @ApiOperation({ summary: 'Submit a piece of evidence, with a file if one was uploaded' })
  submit(@Param('disputeId') disputeId: string, @Body() body: EvidenceField, @Once() write: Write) {
    return write(async (run) => {
      const { orderId } = await this.parties.dispute(run.caller, disputeId);
      const by = partyOf(run.caller);
      const shown = body.file === undefined ? {} : await this.shownBy(disputeId, by, body.file);
      const evidence = await evidenceOf(run, this.vault, orderId, body, shown);
      await addEvidence(run, disputeId, { ...evidence, by });
      return {
        disputeId,
        evidenceId: evidence.evidenceId,
        ...(evidence.suggestedTags && { suggestedTags: evidence.suggestedTags }),
      };
    });
  }

  @Post(':disputeId/evidence/:evidenceId/tags')
  @Writes(200, 'arbitrator', 'merchant')
  @ApiOperation({ summary: 'A person says what a chat holds; a promise of the merchant binds him from then on' })
  tag(
    @Param('disputeId') disputeId: string,
    @Param('evidenceId') evidenceId: string,
    @Body() { problemConfirmed, merchantPromised }: TagsBody,
    @Once() write: Write,
  ) {
    return write(async (run) => {
      await this.parties.dispute(run.caller, disputeId);
      const { role, subject } = run.caller;
      const by = role === 'merchant' ? 'merchant' : 'arbitrator';
      const tags = { problemConfirmed, merchantPromised };
      await run.send(TagEvidence, disputeId, { type: 'TagEvidence', evidenceId, by, subject, ...tags });
      return { disputeId, evidenceId, ...tags };
    });
  }

  @Get(':disputeId/completeness')
  @Reads(...everyRole)
  @ApiOperation({
    summary: 'What is shown of the trade, the time of the problem and the responsible party, by whom, and what is missing',
    description: 'For a draft as for a submitted dispute, unit by unit, with the burden of proof and how timely the evidence is.',
  })
  async completeness(@Param('disputeId') disputeId: string, @Caller() caller: Actor) {
    await this.parties.dispute(caller, disputeId);
    const state = await this.present(disputeId);
    if (state.status !== 'draft' && state.status !== 'submitted')
      throw new Problem(409, 'dispute-over', `the dispute is ${state.status}; nothing is left to be shown in it`);
    const units = completenessOfCase(state).map(({ unitNo, ...found }) => ({ unit: unitNo, ...found }));
    return { disputeId, status: state.status, isComplete: units.every((unit) => unit.isComplete), units };
  }

  @Get(':disputeId/evidence/:evidenceId')
  @Reads('buyer', 'merchant', 'arbitrator')
  @ApiOperation({ summary: 'What a piece of evidence says' })
  async read(@Param('disputeId') disputeId: string, @Param('evidenceId') evidenceId: string, @Caller() caller: Actor) {
    const { piece, tagged } = await this.pieceOf(caller, disputeId, evidenceId);
    const { by, kind, showsActivationFailure, submittedAt, problemAt, capturedAt, file, suggestedTags } = piece;
    return {
      evidenceId,
      by,
      kind,
      showsActivationFailure,
      submittedAt,
      ...(problemAt !== undefined && { problemAt }),
      ...(capturedAt !== undefined && { capturedAt }),
      ...(file && { file: { sha256: file.sha256, bytes: file.bytes, mediaType: file.mediaType } }),
      ...(suggestedTags && { suggestedTags }),
      ...(tagged && {
        tags: { problemConfirmed: tagged.problemConfirmed, merchantPromised: tagged.merchantPromised, by: tagged.by },
      }),
      text: await unlessErased(async () => (await this.vault.readPerson(piece.content))['text'] ?? ''),
    };
  }

  @Get(':disputeId/evidence/:evidenceId/file')
  @Reads('buyer', 'merchant', 'arbitrator')
  @ApiProduces(...mediaTypes)
  @ApiOperation({ summary: 'The file of a piece of evidence, to be saved; never to be shown or run in a page' })
  async download(
    @Param('disputeId') disputeId: string,
    @Param('evidenceId') evidenceId: string,
    @Caller() caller: Actor,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile> {
    const { by, file } = (await this.pieceOf(caller, disputeId, evidenceId)).piece;
    if (file === undefined) throw new Problem(404, 'file-unknown', 'this piece of evidence has no file');
    const content = await unlessErased(() => this.uploads.open(scopeOf({ disputeId, by }), file));
    const known = isMediaType(file.mediaType) ? file.mediaType : undefined;
    response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setTimeout(uploadTimeoutMs, () => response.destroy());
    return new StreamableFile(Readable.from(content), {
      type: known ?? untyped,
      // The name is ours: what the submitter called it was never asked.
      disposition: `attachment; filename="evidence-${evidenceId}.${known === undefined ? 'bin' : extensionOf(known)}"`,
      length: file.bytes,
      // A part is never taken for the whole.
    }).setErrorHandler(() => response.destroy());
  }

  private present(disputeId: string): Promise<Dispute> {
    return stateOf(this.eventStore, dispute, disputeId);
  }

  private async demandOpen(disputeId: string): Promise<void> {
    if (!takesEvidence(await this.present(disputeId), await this.edge.now()))
      throw new Problem(409, 'evidence-too-late', 'nothing is left to be decided in this dispute', closing);
  }

  private async pieceOf(caller: Actor, disputeId: string, evidenceId: string) {
    await this.parties.dispute(caller, disputeId);
    const events = await this.eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: maxStreamEvents });
    const piece = events
      .flatMap(({ type, data }) => (type === 'EvidenceSubmitted' ? [data] : []))
      .find((data: Submitted) => data.evidenceId === evidenceId);
    if (piece === undefined) throw new Problem(404, 'evidence-unknown', 'the dispute has no such piece of evidence');
    const tagged = events
      .flatMap(({ type, data }) => (type === 'EvidenceTagged' ? [data] : []))
      .findLast((data) => data.evidenceId === evidenceId);
    return { piece, tagged };
  }

  /** The file that a piece names, and what it says where it is a chat of a length that is read. @throws Problem 422 */
  private async shownBy(disputeId: string, by: 'buyer' | 'merchant', sha256: string) {
    const scope = scopeOf({ disputeId, by });
    const file = await this.uploads.claim(scope, sha256);
    if (file === undefined)
      throw new Problem(422, 'file-unknown', 'you uploaded no such file to this dispute, or more than 24 h ago; upload it again');
    const isRead = file.mediaType === 'text/plain' && file.bytes <= maxChatFileBytes;
    return { file, ...(isRead && { chat: await this.textIn(scope, file) }) };
  }

  private async textIn(scope: string, file: StoredFile): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const part of await this.uploads.open(scope, file)) parts.push(part);
    return Buffer.concat(parts).toString('utf8');
  }
}

/** What the sender says the body is; undefined when he says nothing. @throws Problem 415 */
function declaredType(request: Request): MediaType | undefined {
  if ((request.header('Content-Encoding') ?? 'identity') !== 'identity')
    throw new Problem(415, 'encoding-unsupported', 'a file is sent as it is, without a content encoding', closing);
  const [declared = ''] = (request.header('Content-Type') ?? untyped).toLowerCase().split(';');
  if (declared.trim() === untyped) return undefined;
  if (isMediaType(declared.trim())) return declared.trim() as MediaType;
  throw new Problem(415, 'file-type-refused', `send ${mediaTypes.join(', ')}, or ${untyped}`, closing);
}

/** @throws Problem for what is wrong with a file, and for a request that breaks off */
async function arriving<Result>(request: Request, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof FileError && statuses[error.code] < 500)
      throw new Problem(
        statuses[error.code],
        error.code === 'NoRoom' ? 'too-many-files' : `file-${kebab(error.code)}`,
        error.message,
        closing,
      );
    if (request.readableAborted || request.errored !== null)
      throw new Problem(400, 'request-aborted', 'the request ended before its body');
    throw error;
  }
}

async function unlessErased<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof VaultError && error.code === 'Shredded')
      throw new Problem(410, 'evidence-erased', 'this piece of evidence was erased on request');
    throw error;
  }
}

/** Bodies that this resource reads itself. */
export const uploadStreams = {
  maxBytes: maxFileBytes,
  isOne: ({ method, path }: Request): boolean => method === 'POST' && /^\/disputes\/[^/]+\/files$/.test(path),
};
