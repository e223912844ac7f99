import type { Explanation } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import type { CaseFile } from '@recourse/postgres';

type UnitStatus = CaseFile['units'][number]['status'];
type Verdict = CaseFile['verdicts'][number];

/** Something that the caller may do with a case now. */
export interface CaseAction {
  readonly action:
    | 'submit'
    | 'withdraw'
    | 'give-evidence'
    | 'ask-for-a-person'
    | 'check-replacement'
    | 'answer'
    | 'reissue'
    | 'decide'
    | 'override'
    | 'approve-override'
    | 'appeal'
    | 'rule-on-appeal';
  /** To POST to; `{unit}` is one of `units`. */
  readonly path: string;
  readonly what: Explanation;
  /** The last moment, still inside; null where no clock runs. */
  readonly until: string | null;
  /** What happens if nobody does it by then. */
  readonly silence: Explanation | null;
  readonly units: readonly number[];
}

type Offer = Omit<CaseAction, 'path' | 'until' | 'silence' | 'units'> & Partial<CaseAction>;

const silences = {
  draft: { zh: '草稿失效，售后时钟继续走', en: 'the draft lapses and the after-sale clock goes on' },
  check: { zh: '视为补发卡密可用，申请了结', en: 'the reissued key counts as working, and the case is resolved' },
  answer: { zh: '视为商户承担责任，全额退款', en: 'the merchant is liable and the buyer is refunded in full' },
  reissue: { zh: '视为未补发，按规则退款', en: 'the reissue is missed, and the policy decides' },
  evidence: { zh: '按已有证据人工裁决', en: 'a person decides on what there is' },
  appeal: { zh: '判定生效', en: 'the verdict becomes final' },
  ruling: {
    zh: '升级给主管；再过 48 小时仍未裁决则申诉方胜，平台承担',
    en: 'it goes to a supervisor; 48 hours later the appellant wins at the cost of the platform',
  },
  review: {
    zh: '升级给主管；再过 48 小时仍未裁决则判买家胜，平台承担',
    en: 'it goes to a supervisor; 48 hours later the buyer wins at the cost of the platform',
  },
} as const satisfies Record<string, Explanation>;

/** Who may still appeal which units of a verdict: the buyer what he was refused, the merchant what he is to bear. */
export function mayAppeal(found: CaseFile, verdict: Verdict, { role }: Pick<Actor, 'role'>) {
  const isOverturned = found.overrides.some((one) => one.verdict_id === verdict.verdict_id && one.status === 'overturned');
  if (verdict.final_at !== null || isOverturned) return [];
  const priceOf = new Map(found.units.map(({ unit_no: unitNo, price }) => [unitNo, price]));
  const concerned = {
    buyer: verdict.units.filter(
      ({ unitNo, refund, refundedBefore }) =>
        BigInt(refund.minor) + BigInt(refundedBefore?.minor ?? 0) < (priceOf.get(unitNo) ?? 0n),
    ),
    merchant: verdict.units.filter(({ refund, bearer }) => BigInt(refund.minor) > 0n && bearer !== 'platform'),
  };
  return (['buyer', 'merchant'] as const)
    .filter((by) => role === by || (role !== 'buyer' && role !== 'merchant'))
    .filter((by) => !found.appeals.some((one) => one.verdict_id === verdict.verdict_id && one.by_party === by))
    .map((by) => ({ by, units: concerned[by].map(({ unitNo }) => unitNo), until: verdict.appeal_until }))
    .filter(({ units }) => units.length > 0);
}

/** What one of the parties, an arbitrator or an operator may do next and until when; finance reads only. */
export function actionsOf(
  found: CaseFile,
  caller: Pick<Actor, 'role'>,
  draftUntil: string | undefined,
  now: string,
): CaseAction[] {
  const base = `/disputes/${found.dispute_id}`;
  const isDraft = found.status === 'draft';
  const isOpen = found.status === 'open';
  const isOverdue = (until: string | null | undefined) => until !== null && until !== undefined && until < now;
  const unitsIn = (...statuses: UnitStatus[]) =>
    found.units.filter(({ status, until }) => statuses.includes(status) && !isOverdue(until));
  const offer = (offered: Offer): CaseAction => ({ path: base, until: null, silence: null, units: [], ...offered });
  /** One action on all units in a state, until the first of them is due. */
  const onUnits = (statuses: readonly UnitStatus[], offered: Offer): CaseAction[] => {
    const units = unitsIn(...statuses);
    const [until] = units.flatMap((unit) => unit.until ?? []).toSorted();
    return units.length === 0 ? [] : [offer({ ...offered, until: until ?? null, units: units.map((unit) => unit.unit_no) })];
  };
  const isUndecided = found.units.some(({ status }) => status !== 'decided' && status !== 'resolved');
  const isTouched = found.units.some(({ status }) => status === 'decided' || status === 'resolved');
  const evidence = (): CaseAction[] => {
    const [heard] = unitsIn('awaiting-evidence');
    const what = { zh: '提交证据', en: 'give evidence' };
    const until = isDraft ? (draftUntil ?? null) : (heard?.until ?? null);
    return (isDraft && !isOverdue(draftUntil)) || (isOpen && isUndecided)
      ? [
          offer({
            action: 'give-evidence',
            path: `${base}/evidence`,
            what,
            until,
            silence: heard === undefined ? null : silences.evidence,
          }),
        ]
      : [];
  };
  const appeals = (): CaseAction[] =>
    found.verdicts.flatMap((verdict) =>
      mayAppeal(found, verdict, caller)
        .filter(({ until }) => !isOverdue(until))
        .map(({ units, until }) =>
          offer({
            action: 'appeal',
            path: `${base}/verdicts/${verdict.verdict_id}/appeal`,
            what: { zh: `对 ${verdict.verdict_id} 提出申诉`, en: `appeal ${verdict.verdict_id}` },
            until,
            units,
            silence: silences.appeal,
          }),
        ),
    );
  switch (caller.role) {
    case 'buyer':
      return [
        ...(isDraft && !isOverdue(draftUntil)
          ? [
              offer({
                action: 'submit',
                path: `${base}/submission`,
                what: { zh: '提交草稿', en: 'submit the draft' },
                until: draftUntil ?? null,
                silence: silences.draft,
              }),
            ]
          : []),
        ...onUnits(['awaiting-buyer-check'], {
          action: 'check-replacement',
          path: `${base}/replacement-check`,
          what: { zh: '确认补发卡密是否可用', en: 'say whether the reissued key works' },
          silence: silences.check,
        }),
        ...evidence(),
        ...(isOpen && isUndecided && found.person_requested_at === null
          ? [offer({ action: 'ask-for-a-person', path: `${base}/person`, what: { zh: '要求人工处理', en: 'ask for a person' } })]
          : []),
        ...(isDraft || (isOpen && !isTouched)
          ? [offer({ action: 'withdraw', path: `${base}/withdrawal`, what: { zh: '撤回申请', en: 'withdraw the claim' } })]
          : []),
        ...appeals(),
      ];
    case 'merchant':
      return [
        ...onUnits(['awaiting-merchant'], {
          action: 'answer',
          path: `${base}/answer`,
          what: { zh: '接受或反驳', en: 'accept or contest the claim' },
          silence: silences.answer,
        }),
        ...(isOverdue(found.reissue_until)
          ? []
          : onUnits(['submitted', 'verifying', 'awaiting-merchant', 'awaiting-evidence', 'awaiting-reissue', 'under-review'], {
              action: 'reissue',
              path: `/orders/${found.order_id.slice(found.platform.length + 1)}/units/{unit}/replacement`,
              what: { zh: '补发卡密', en: 'reissue the key' },
            }).map((action) => ({
              ...action,
              until: found.reissue_until,
              silence: unitsIn('awaiting-reissue').length > 0 ? silences.reissue : null,
            }))),
        ...evidence(),
        ...appeals(),
      ];
    case 'arbitrator':
    case 'operator':
      return [
        ...(caller.role === 'arbitrator'
          ? onUnits(['under-review'], {
              action: 'decide',
              path: `${base}/decision`,
              what: { zh: '人工裁决', en: 'decide the units' },
              silence: silences.review,
            })
          : []),
        ...found.verdicts.flatMap(({ verdict_id: verdictId }): CaseAction[] => {
          const path = `${base}/verdicts/${verdictId}/override`;
          const override = found.overrides.find((one) => one.verdict_id === verdictId);
          if (override?.status === 'overturned') return [];
          const open = found.appeals.filter((one) => one.verdict_id === verdictId && one.status === 'open');
          const [until] = open
            .map((one) => one.until)
            .toSorted()
            .reverse();
          if (until !== undefined)
            return caller.role === 'arbitrator'
              ? [
                  offer({
                    action: 'rule-on-appeal',
                    path: `${base}/verdicts/${verdictId}/appeal/ruling`,
                    what: {
                      zh: `由另一人对 ${verdictId} 的申诉作出裁决`,
                      en: `rule, as another person, on the appeal of ${verdictId}`,
                    },
                    until,
                    units: [...new Set(open.flatMap(({ units }) => units))],
                    silence: silences.ruling,
                  }),
                ]
              : [];
          return override === undefined
            ? [offer({ action: 'override', path, what: { zh: `提议改判 ${verdictId}`, en: `propose to overturn ${verdictId}` } })]
            : [
                offer({
                  action: 'approve-override',
                  path: `${path}/approval`,
                  what: {
                    zh: `由另一人批准改判 ${verdictId}`,
                    en: `approve, as another person, to overturn ${verdictId}`,
                  },
                }),
              ];
        }),
      ];
    case 'finance':
    case 'shop':
    case 'system':
      return [];
  }
}
