"""What customers write and what salesmen note."""

from collections.abc import Mapping, Sequence
from random import Random

Texts = Mapping[str, Sequence[str]]
"""Language to texts; {0} stands for what they are about."""

BROKEN: Texts = {
    "zh": (
        "刚收到的{0}，打开一看杯盖有裂纹，包装太薄了，要求换货。",
        "{0}运输途中碎了，碗口缺了一块，麻烦尽快处理！",
        "第二次买{0}又是破损的，非常失望，申请退款。",
        "{0}倒热水时底部直接裂开，差点烫到手，质量太差。",
        "盖碗边缘有崩口，里面只包了一层泡沫纸，{0}这么易碎应该加固包装。",
        "{0}收到时盒子已经压扁，盖子碎成三片，图片已发，请赔偿。",
    ),
    "en": (
        "The {0} arrived cracked; there was hardly any padding in the box.",
        "Lid of the {0} was broken in transit. Please send a replacement.",
        "Second {0} in a row with a chipped rim. I would like my money back.",
    ),
    "de": ("{0} kam zerbrochen an, der Deckel hat einen Sprung. Bitte um Ersatz.",),
    "ja": ("{0}が割れて届きました。交換をお願いします。",),
}
COMPLAINTS: Texts = {
    "zh": (
        "{0}的味道和上次买的不一样，怀疑不是同一批茶。",
        "等了九天才收到{0}，物流太慢了，客服也不回复。",
        "{0}少发了一盒，请补发。",
        "{0}的包装盒有压痕，送礼拿不出手。",
        "收到的{0}快过期了，希望退货。",
        "下单后{0}降价三十元，要求补差价。",
    ),
    "en": (
        "The {0} tastes stale compared with my last order.",
        "Delivery of the {0} took three weeks, far too long.",
        "One {0} is missing from the parcel.",
    ),
    "de": ("Die Lieferung von {0} dauerte viel zu lange.", "{0} fehlt im Paket."),
    "ja": ("{0}の到着が遅すぎます。", "{0}が一つ足りません。"),
}
PRAISE: Texts = {
    "zh": (
        "{0}收到了，香气很足，回甘明显，会再来。",
        "包装很精美，{0}送客户很有面子，谢谢！",
        "{0}性价比高，全家都喜欢喝。",
        "物流很快，{0}新鲜，客服小姐姐态度也好。",
        "第三次回购{0}了，品质一直稳定。",
        "{0}还可以，就是比以前贵了一点。",
        "茶汤清亮，{0}口感柔和，推荐给朋友了。",
    ),
    "en": (
        "Lovely {0}, beautifully packed. Will order again.",
        "The {0} is fragrant and smooth, the best we have had.",
        "{0} is good, though a little pricey.",
    ),
    "de": ("{0} schmeckt wunderbar, vielen Dank!", "Sehr schöne Verpackung, {0} kam schnell an."),
    "ja": ("{0}、とても香りが良いです。また注文します。", "{0}、友人にも好評でした。"),
}
QUESTIONS: Texts = {
    "zh": (
        "请问订单{0}什么时候发货？",
        "订单{0}可以改收货地址吗？",
        "{0}能开增值税专用发票吗？",
        "{0}麻烦附一张手写贺卡，谢谢。",
    ),
    "en": ("When will order {0} be shipped?", "Could you change the address of order {0}?"),
    "de": ("Wann wird die Bestellung {0} verschickt?",),
    "ja": ("注文{0}はいつ発送されますか。",),
}
NOTES = (
    "客户偏好岩茶，不喝花茶，下次推荐大红袍新品。",
    "中秋前会有一批企业礼品需求，约200盒，8月底跟进。",
    "价格敏感，正在比较另一家供应商，需要样品。",
    "已加企业微信，负责人下午三点后方便接电话。",
    "公司搬迁，收货地址待更新。",
    "对包装定制感兴趣，想印自己的LOGO。",
    "老客户介绍来的，信用好，可以放账期。",
    "反馈盖碗破损率高，已转给仓库。",
)
SOCIAL = (
    "转发了中秋礼盒推文",
    "点赞公众号文章《如何冲泡单丛》",
    "参加朋友圈集赞活动",
    "评论了直播间",
    "分享茶会照片",
)
CARE = (
    "季度订货沟通",
    "新品试饮",
    "对账与回款",
    "节日备货计划",
    "年度框架协议",
    "库存与补货",
    "包装定制方案",
)
COURT = ("首次沟通需求", "寄送样品", "报价方案", "企业礼品方案", "样品反馈跟进")
FAIRS = ("广州茶博会", "深圳礼品展", "厦门国际茶业展", "广交会", "香港美食博览")


def say(chance: Random, texts: Texts, language: str, about: str) -> str:
    """One of the texts in somebody's language."""
    return chance.choice(texts[language]).format(about)
