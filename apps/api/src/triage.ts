import { Body, Controller, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type ChatMessage, type Finding, speakers, type Speaker, type Transcript, type Triage, triage } from '@recourse/disputes';
import type { Actor, Instant, Role } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, Problem } from '@recourse/nest';
import { Moment, OneOf, Parts, Text } from './fields.js';
import { problemOfRejection } from './rejections.js';
import { Once, type Write, Writes } from './route.js';

const maxTextLength = 65_536;
const maxMessagesPerRequest = 500;

class MessageField {
  @OneOf(speakers, { description: 'who says it' })
  speaker!: Speaker;

  @Text(maxTextLength, { example: '查到了，这张卡确实无效，24小时内给您补发' })
  text!: string;

  @Moment({ description: 'when it was sent, if the chat says so', optional: true })
  sentAt?: Instant;
}

class TriageBody {
  @Parts(() => MessageField, maxMessagesPerRequest, { description: 'the chat message by message', optional: true })
  messages?: MessageField[];

  @Text(maxTextLength, {
    description: 'or the chat as it was pasted, with lines such as "商家：…" or "[2026-03-01 10:02] 客服: …"',
    optional: true,
  })
  pasted?: string;

  @Moment({ description: 'when the chat was copied: 昨天 is counted from there; now if left out', optional: true })
  copiedAt?: Instant;
}

function transcriptOf({ messages, pasted }: TriageBody, role: Role): Transcript {
  if (pasted !== undefined && messages === undefined)
    return { pasted, ...(role === 'buyer' || role === 'merchant' ? { pastedBy: role } : {}) };
  if (messages !== undefined && pasted === undefined)
    return {
      messages: messages.map(({ speaker, text, sentAt }): ChatMessage => ({
        speaker,
        text,
        ...(sentAt === undefined ? {} : { sentAt }),
      })),
    };
  throw new Problem(422, 'transcript-unclear', 'send either messages or a pasted chat');
}

/** @throws Problem 422 */
function triaged(transcript: Transcript, copiedAt: Instant): Triage {
  const answer = triage(transcript, copiedAt);
  if ('rejected' in answer) throw problemOfRejection(answer);
  return answer;
}

const shownOf = (finding: Finding) => (finding.kind === 'amount' ? { ...finding, amount: toJson(finding.amount) } : finding);

/** What a chat suggests; it decides nothing and touches no case. S78, K14 */
@ApiTags('triage')
@Controller('triage')
export class TriageResource {
  @Post()
  @Writes(200, 'buyer', 'merchant', 'arbitrator', 'operator')
  @ApiOperation({
    summary:
      'What a chat says: findings with their places, the reasons and missing evidence they suggest; decides nothing (仅供参考)',
    description:
      'Keys, accounts and phone numbers come back masked. Nothing of the chat is kept: of this request only its moment is ' +
      'remembered, so that the same Idempotency-Key and input get the same answer.',
  })
  async read(@Body() body: TriageBody, @Caller() caller: Actor, @Once() write: Write): Promise<object> {
    const transcript = transcriptOf(body, caller.role);
    // Only the moment is remembered with the key, and not for what is refused; the rest follows from the input again.
    const remembered = await write((run) => {
      const moment = body.copiedAt ?? run.at;
      triaged(transcript, moment);
      return Promise.resolve({ copiedAt: moment });
    });
    const { copiedAt } = remembered as { readonly copiedAt: Instant };
    const answer = triaged(transcript, copiedAt);
    const { notice, messages, findings, isTruncated, suggestions } = answer;
    return { notice, copiedAt, messages, findings: findings.map(shownOf), isTruncated, suggestions };
  }
}
