/** What the words of a chat stand for, in half-width, lower-case, simplified text. The longest word at a place wins. */
const words = {
  /** Says that it is not, or was not yet, so. */
  NOT_YET:
    '没 没有 未 并未 并没 并没有 不是 并不是 并非 还没 还没有 尚未 从未 从来没有 从没 未曾 不曾 不算 一直没 一直没有 都没 都没有 也没 也没有 迟迟没 迟迟未',
  /** Says that it shall not, or cannot, be so. */
  NOT: '不 不会 不能 不给 不可能 不可以 不予 不肯 不愿 不支持 不接受 不同意 不再 无法 没法 没办法 无需 不用 不需要 拒绝 概不 恕不 别 不让',
  CANNOT: '不能 无法 没法 没办法 不可以 不让',
  /** Holds a character of denial and denies nothing. */
  IDLE: '没有激活失败 没激活失败 未激活失败 没有失败 没有报错 没报错 不懂 不知道 不清楚 不明白 不好意思 不过 不错 对不起 没关系 没事 没事的 差不多 不但 不仅 不止 别人 别的 别家 区别 级别 不管怎样 不管怎么样 退出 没错 不得不 不光 未免 特别 分别 告别',
  QUESTION:
    '吗 是不是 有没有 能不能 可不可以 是否 会不会 要不要 行不行 好不好 对不对 给不给 退不退 补不补 能否 可否 了没 没有啊 是吧 是吗 到没到 发没发 用没用 用没用过',
  /** Asks why it is so, and so says that it is so. */
  WHY: '为什么 为啥 怎么 咋 咋回事 怎么回事 什么情况 啥情况 啥意思 什么意思',
  IF: '如果 如 要是 若 若是 假如 假设 万一 倘若 只要 一旦 除非 的话 等确认后 核实后 确认后 查实后 属实的话 核实之后 确认之后',
  REPORTED:
    '你说 您说 他说 她说 你说的 您说的 买家说 客户说 顾客说 用户说 听说 你反馈 您反馈 反馈说 你们说 商家说 卖家说 客服说 据说 说我 说您 说你 以为 假装 冒充',
  BUT: '但 但是 可是 然而 不然 否则 所以 因为 因此 然后 而且 结果',

  ACTIVATE: '激活 启用 兑换 核销 绑定',
  TOP_UP: '充值 充 储值 直充 续费',
  FAIL: '失败 不了 不上 不成功 报错 出错 错误 异常 不进去 不出来 没反应 不成 不通过',
  SUCCESS: '成功 好了 上了 完成',
  KEY: '卡密 卡号 密码 激活码 兑换码 序列号 充值码 cdk cdkey 点卡 礼品卡 卡 码 密钥 卡券 券码 key',
  SHOWN: '显示 提示 弹出 跳出 报 写着',
  INVALID:
    '无效 用不了 不能用 使用不了 无效的 卡密错误 密码错误 密钥错误 卡号错误 激活码错误 兑换码错误 无此卡 不能使用 无法使用 没法用 是假的 假卡 死卡 坏卡 废卡 废的 是坏的',
  INVALID_SHOWN: '不对 不存在 不正确 不可用 输入有误 错误',
  PROBLEM: '有问题 问题卡 有异常 出问题 出了问题 有错 有误 没库存 缺货',
  PROBLEM_SAID: '是有问题 是有问题的 确实有问题 的确有问题 是坏的',
  THEN: '那时候 那时 当时 的时候 之前',
  NO_PROBLEM: '没问题 没有问题 没毛病 是好的 是有效的 正常的 是正常 是正常的 都正常 可以正常使用',
  EXPIRED: '过期 已过期 过期了 失效 已失效 超过有效期 过了有效期 有效期已过',
  USED: '被别人用过 已经被别人用过 已经被别人用过了 已被使用 已使用 被使用 被使用过 已经使用 已经被使用 使用过 已经使用过 已使用过 被人用 被人用了 被用 被用了 被用过 被用掉 被别人用 用过的 用过了 已用 已经被用 已经被人用 已被激活 被激活 被激活过 已经被激活 被人激活 被别人激活 已被兑换 被兑换 被兑换过 已经被兑换 已被充值 已经被充值 被充值 被充过 已被核销 已核销 已经核销 被绑定 已被绑定 已经绑定',
  ACTIVATED: '已激活过 已经激活过 已经激活过了 已经激活了 已激活了 已激活 已经激活 激活过 激活过了 已兑换 已经兑换 已启用',
  UNUSED:
    '没有激活记录 没有使用记录 没有兑换记录 没有核销记录 没激活记录 无激活记录 无使用记录 没用过 没使用过 没有使用 没有使用过 没有用过 未使用 未被使用 未使用过 还没用 没激活过 没有激活过 未激活 未被激活 没有被使用 没有被激活 没被激活 没被使用 未兑换 未核销 还没激活 没有激活 没激活 尚未激活 从未激活',
  RECORD: '激活记录 使用记录 核销记录 兑换记录 充值记录 激活时间 使用时间 兑换时间 激活日志 绑定记录',

  CREDITED: '到账 到帐 入账 到账户 充上 充进去 充到 加上 发到账户 到我账号 到我账户 到我号',
  CREDITED_NOW: '已到账 已经到账 到账了 已经到账了 已到账了 充上了 已经充上 已经充上了 到帐了 已到帐',
  RECEIVED: '收到 收着 拿到',
  GOODS: '货 卡 卡密 激活码 兑换码 密码 东西 商品 链接 码',
  VALUE: '话费 点券 钻石 q币 会员 vip 余额 点数 流量 金币 充值 钱 元宝 月卡 权益 皮肤',
  SHIP: '发货 发卡 出货 发出 给卡密 给卡 给我卡 给我卡密 给货 发给我 发过来 发码 发卡密 卡密发',

  WORTH_LESS:
    '面值不对 面值不符 面值不足 面值少 面值错 面值错了 面额不对 面额不符 面额不足 面额错 面额错了 金额不对 金额不符 金额少了 数额不对 点数不对 点数不足 少充 少充了 充少了 少到账 少到了 只到了 只到账 到账少了 只充了 少给了 发错面值 发错面额 不够面值',
  TWICE:
    '重复充值 重复充 重复充了 充重 充重了 充了两次 充了两遍 充了两笔 充了2次 充两次 充两遍 充值两次 充值了两次 充值了两遍 重复到账 到账两次 到账了两次 到账两笔 到账了两笔 多充一次 多充了一次 多充了一笔',
  GONE: '商家失联 卖家失联 失联 失联了 联系不上 联系不到 跑路 跑路了 卷款跑 卷款跑路 关店 关店了 店铺关了 店关了 店没了 店铺没了 人间蒸发 玩消失 商家消失 卖家消失 不回消息 不回我消息 消息不回 一直不回 没人回 没人回复 没人理 不理人 不理我 拉黑我 拉黑了我 把我拉黑 把我拉黑了 找不到商家 找不到卖家 找不到人',

  WRONG_ACCOUNT:
    '填错 填错账号 填错号 填错了账号 填错了号 充错 充错号 充错账号 充错了号 充错了账号 充错了 输错 输错账号 输错号 写错 写错账号 写错号 打错 打错号 选错区 选错服 充到别人 充别人',
  NOT_WANTED:
    '不想要 不想要了 不要了 不需要了 取消订单 取消这单 拍错 拍错了 买错 买错了 点错 点错了 下错单 误拍 买多了 多拍了 拍多了',
  DISLIKED: '不喜欢 不好玩 不满意 后悔 后悔了 没意思 不划算 买贵了 不想玩 不想玩了',
  SEVEN_DAYS: '七天无理由 7天无理由 七日无理由 7日无理由 七天内无理由 7天内无理由 无理由退 无理由退款 无理由退货',
  PLATFORM_FAULT:
    '平台系统故障 平台系统异常 平台系统出错 系统故障 系统出错 系统错误 系统异常 系统崩 系统崩了 平台故障 平台出错 平台异常 平台系统 接口异常 接口故障 接口报错 服务器崩 服务器崩了 服务器故障 服务器异常 系统延迟 系统卡单 卡单',

  CONFIRM:
    '确实 确实是 核实了 核实过 核实过了 查到了 查了 查过了 查到 确认了 已确认 已核实 属实 的确 看到了 是的 测试了 测了 试了 验证了 经核实 经查 查询到 后台显示',
  OURS: '我们 我方 我这边 我们这边 我们这 本店 咱们 是我 店里 库存 仓库 上家 上游 供货商 供货 我这',
  FAULT_OF: '的问题 问题 的错 的责任 责任',
  FAULT: '发错 发错了 弄错 弄错了 搞错 搞错了 失误 疏忽 搞混 没处理好 漏单 漏掉',
  OWN_FAULT:
    '发错卡 发错货 发重 发重了 发重复 重复发 一卡多卖 重复售卖 重复卖 卖重了 漏发 漏发了 发错卡密 给您发错 给你发错 卖出去过 卖过一次 卖给别人',
  ME: '我 是我 我自己 自己 我这边',
  YOU: '你 您 你们 您们 亲 商家 卖家 客服',

  REISSUE:
    '补发 重发 换一张 换新 换一个 换个新 补一张 补一个 重新发 补卡 换卡 再发一张 再发一个 补给 换货 补货 换张 补张 补单 重充 补充值 重新充 补你 补您',
  REFUND: '退款 退钱 退还 全额退款 全额退 全退 退回 退货款 退货 退 返还 返款',
  REFUND_NOW:
    '给您退款 给您全额退款 给您办理退款 给您退钱 给您安排退款 给你退款 给你全额退款 给你办理退款 给你退钱 给你安排退款 帮您退款 帮您全额退款 帮您办理退款 帮您退钱 帮您安排退款 帮你退款 帮你全额退款 帮你办理退款 帮你退钱 帮你安排退款 为您退款 为您全额退款 为您办理退款 为您退钱 为您安排退款 为你退款 为你全额退款 为你办理退款 为你退钱 为你安排退款 包退 包退款 退给您 退给你 退您 退你 给您退 给你退 帮您退 帮你退 原路退回 原路退',
  REISSUE_NOW:
    '给您补发 给您重发 给您补单 给您补卡 给您补货 给您补充值 给您换新 给您换一张 给您换卡 给您补一张 给您重新充 给您重新发 给你补发 给你重发 给你补单 给你补卡 给你补货 给你补充值 给你换新 给你换一张 给你换卡 给你补一张 给你重新充 给你重新发 帮您补发 帮您重发 帮您补单 帮您补卡 帮您补货 帮您补充值 帮您换新 帮您换一张 帮您换卡 帮您补一张 帮您重新充 帮您重新发 帮你补发 帮你重发 帮你补单 帮你补卡 帮你补货 帮你补充值 帮你换新 帮你换一张 帮你换卡 帮你补一张 帮你重新充 帮你重新发 为您补发 为您重发 为您补单 为您补卡 为您补货 为您补充值 为您换新 为您换一张 为您换卡 为您补一张 为您重新充 为您重新发 为你补发 为你重发 为你补单 为你补卡 为你补货 为你补充值 为你换新 为你换一张 为你换卡 为你补一张 为你重新充 为你重新发 包换 包补 补给您 补给你 补您 补你 给您补 给你补 给您换 给你换 帮您补 帮你补 帮您换 帮你换 给您重发 给你重发 重新给您发 重新给你发 再给您发 再给你发',
  COMMIT:
    '就 给您 给你 帮您 帮你 为您 为你 会 马上 立即 立刻 安排 尽快 这就 我来 可以 同意 答应 保证 承诺 小时内 分钟内 天内 今天 今晚 明天 现在 一定 肯定 负责 已经 已 之内 以内 稍后 等下 一会',
  SO: '就',
  SOON: '马上 立即 立刻 尽快 稍后 等下 一会 明天 会 需要 等待 耐心',
  ELSEWHERE:
    '您可以 你可以 您去 你去 找平台 联系平台 去平台 找官方 找厂家 联系官方 自行 自己申请 您自己 你自己 您申请 你申请 您提交 你提交 您点 你点',
  CARD_MEMBER: '会员 机会 社会 会话 开会 已读 已阅 已知',
  REFUSED:
    '一经售出概不退换 概不退换 不退不换 售出不退 一经售出 恕不退换 拒绝退款 不予退款 不予受理 退不了 补不了 换不了 不负责 与我们无关 跟我们无关 和我们无关 跟我们没关系 和我们没关系 与本店无关 爱投诉 随便投诉 随便你投诉 不管了 不归我们管 不处理 售后不管 不提供售后 不售后',
} as const;

export type Concept = keyof typeof words | 'STOP' | 'CLAUSE';

export interface Token {
  readonly concepts: readonly Concept[];
  readonly start: number;
  readonly end: number;
}

interface Branch {
  readonly next: Map<number, Branch>;
  concepts: Concept[];
}
const branch = (): Branch => ({ next: new Map(), concepts: [] });
const root = branch();
for (const [concept, list] of Object.entries(words))
  for (const word of list.split(' ')) {
    let at = root;
    for (let place = 0; place < word.length; place += 1) {
      const unit = word.charCodeAt(place);
      const next = at.next.get(unit) ?? branch();
      at.next.set(unit, next);
      at = next;
    }
    at.concepts.push(concept as Concept);
  }

/** The longest word is this long, so reading a text takes at most so many steps for each of its characters. */
export const longestWord = Math.max(...Object.values(words).flatMap((list) => list.split(' ').map((word) => word.length)));

const stops = new Set([...'。！？!?；;\n'].map((mark) => mark.charCodeAt(0)));
const clauses = new Set([...'，,、…\r'].map((mark) => mark.charCodeAt(0)));
const isLatin = (unit: number): boolean => (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39);

export interface Effort {
  /** How many characters were looked at. */
  steps: number;
}

/** The words of a folded text in order, none inside another, with the marks that end its sentences and clauses. */
export function tokensOf(folded: string, effort: Effort): Token[] {
  const tokens: Token[] = [];
  for (let start = 0; start < folded.length;) {
    const unit = folded.charCodeAt(start);
    effort.steps += 1;
    if (stops.has(unit) || clauses.has(unit)) {
      tokens.push({ concepts: [stops.has(unit) ? 'STOP' : 'CLAUSE'], start, end: start + 1 });
      start += 1;
      continue;
    }
    let [longest, end]: [Branch | undefined, number] = [undefined, start];
    let at = root.next.get(unit);
    for (let place = start + 1; at !== undefined; place += 1) {
      effort.steps += 1;
      // `key` is no word inside `monkey`.
      const isWhole =
        !isLatin(folded.charCodeAt(place - 1)) ||
        (!isLatin(folded.charCodeAt(place)) && (!isLatin(unit) || !isLatin(folded.charCodeAt(start - 1))));
      if (at.concepts.length > 0 && isWhole) [longest, end] = [at, place];
      at = at.next.get(folded.charCodeAt(place));
    }
    if (longest === undefined) start += 1;
    else {
      tokens.push({ concepts: longest.concepts, start, end });
      start = end;
    }
  }
  return tokens;
}
