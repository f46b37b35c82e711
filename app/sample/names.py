"""Names of people and companies, and the places they live in."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

from pypinyin import lazy_pinyin

T = TypeVar("T")


def dice(seed: int, subject: str) -> Random:
    """The chances of one subject; a change of one subject leaves the others as they were."""
    return Random(f"{seed}/{subject}")  # noqa: S311 - the sample must be repeatable, and guards nothing


@dataclass(frozen=True)
class Weighted(Generic[T]):
    """Things of which some come more often."""

    things: Sequence[T]
    upto: Sequence[float]

    @classmethod
    def of(cls, *pairs: tuple[T, float]) -> "Weighted[T]":
        """From things and their weights."""
        return cls([thing for thing, _ in pairs], list(accumulate(weight for _, weight in pairs)))

    def pick(self, chance: Random) -> T:
        """One of them."""
        return chance.choices(self.things, cum_weights=self.upto)[0]


def listed(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


# Rough shares of the population in percent, after the yearly reports on names of the Ministry of Public Security of China.
_SURNAMES = listed("""
王 Wang 7.25 李 Li 7.19 张 Zhang 6.83 刘 Liu 5.38 陈 Chen 4.53 杨 Yang 3.08 黄 Huang 2.23 赵 Zhao 2.29
吴 Wu 2.05 周 Zhou 2.12 徐 Xu 1.67 孙 Sun 1.54 马 Ma 1.07 朱 Zhu 1.26 胡 Hu 1.31 郭 Guo 1.17 何 He 1.17
林 Lin 1.18 罗 Luo 0.95 高 Gao 1.21 郑 Zheng 0.93 梁 Liang 0.85 谢 Xie 0.76 宋 Song 0.81 唐 Tang 0.69 许
Xu 0.66 韩 Han 0.68 邓 Deng 0.67 冯 Feng 0.64 曹 Cao 0.61 彭 Peng 0.59 曾 Zeng 0.58 肖 Xiao 0.59 田 Tian
0.52 董 Dong 0.51 潘 Pan 0.5 袁 Yuan 0.5 蔡 Cai 0.53 蒋 Jiang 0.47 余 Yu 0.48 于 Yu 0.47 杜 Du 0.47 叶
Ye 0.49 程 Cheng 0.49 魏 Wei 0.45 苏 Su 0.46 吕 Lü 0.45 丁 Ding 0.43 任 Ren 0.42 卢 Lu 0.41 姚 Yao 0.41
沈 Shen 0.41 钟 Zhong 0.4 姜 Jiang 0.39 崔 Cui 0.38 谭 Tan 0.38 陆 Lu 0.34 范 Fan 0.37 汪 Wang 0.37 廖
Liao 0.37 石 Shi 0.34 金 Jin 0.35 韦 Wei 0.3 贾 Jia 0.33 夏 Xia 0.34 付 Fu 0.3 方 Fang 0.33 邹 Zou 0.31
熊 Xiong 0.3 白 Bai 0.29 孟 Meng 0.29 秦 Qin 0.29 邱 Qiu 0.28 侯 Hou 0.28 江 Jiang 0.27 尹 Yin 0.27 薛
Xue 0.26 闫 Yan 0.24 段 Duan 0.24 雷 Lei 0.24 龙 Long 0.22 黎 Li 0.23 史 Shi 0.22 陶 Tao 0.21 贺 He 0.21
毛 Mao 0.21 郝 Hao 0.2 顾 Gu 0.2 龚 Gong 0.2 邵 Shao 0.2 欧阳 Ouyang 0.08 上官 Shangguan 0.01
""")
SURNAMES = Weighted.of(
    *(((_SURNAMES[at], _SURNAMES[at + 1]), float(_SURNAMES[at + 2])) for at in range(0, len(_SURNAMES), 3))
)
_WOMEN = listed("""
芳 丽 敏 静 艳 娟 霞 玲 桂英 秀英 丽娟 秀兰 婷 婷婷 雪 雪梅 琳 倩 颖 慧 慧敏 晓燕 海燕 丽华 玉兰 红梅
春梅 佳怡 欣怡 梓涵 诗涵 雨桐 思琪 梦瑶 佳琪 嘉欣 晓彤 雅婷 雅琴 文静 晓丽 洁 莉 萍 薇 瑶 怡 佩玲 美玲
淑芬 淑贞 惠珍 月娥 紫涵 若曦 一诺 可馨 语嫣 静怡 宛如 书瑶 晨曦 乐瑶 钰 蕾 菲 岚 凤英 玉梅 素芳 小燕
晶晶 莹莹 丹丹 圆圆
""")
_MEN = listed("""
伟 强 磊 军 洋 勇 杰 涛 超 明 刚 平 辉 鹏 斌 波 浩 宇 飞 凯 健 俊 帆 志强 建国 建华 国强 志明 文斌 海波
永强 晓东 俊杰 浩然 子轩 宇航 梓豪 子涵 天宇 嘉豪 家豪 志远 文博 博文 泽宇 俊熙 一鸣 思远 明轩 建军 德华
国栋 少华 伟东 振华 立新 家明 锦程 子墨 奕辰 昊天 瑞 毅 锋 亮 旭 东 龙 林 松 海龙 金龙 玉龙 小军 小龙
大伟 世杰 耀文 启航 承志 家乐
""")

_ENGLISH = (
    "Emma Olivia Charlotte Amelia Grace Sophie Hannah Lucy Rachel Claire Megan Laura",
    "James Oliver William Henry Thomas Jack Daniel Samuel Matthew Andrew Peter Robert",
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Wright Walker Thompson Hughes O'Neill MacDonald",
)
_GERMAN = (
    "Anna Lena Julia Katharina Sabine Claudia Johanna Birgit Jana Ulrike",
    "Lukas Jonas Felix Maximilian Stefan Jürgen Björn Matthias Wolfgang Andreas",
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Köhler Krüger Groß Vogel Böhm",
)
_JAPANESE = (
    "陽菜 Hina 美咲 Misaki 結衣 Yui 恵子 Keiko さくら Sakura 由美子 Yumiko 直美 Naomi",
    "大翔 Hiroto 蓮 Ren 健太 Kenta 翔太 Shota 浩二 Koji 誠 Makoto 達也 Tatsuya",
    "佐藤 Sato 鈴木 Suzuki 高橋 Takahashi 田中 Tanaka 伊藤 Ito 渡辺 Watanabe 山本 Yamamoto 中村 Nakamura 加藤 Kato",
)


@dataclass(frozen=True)
class Person:
    """A name, in its own writing and in Latin letters."""

    family: str
    given: str
    latin_family: str
    latin_given: str
    language: str
    gender: str

    @property
    def full(self) -> str:
        """As its bearer writes it."""
        if self.language == "zh":
            return self.family + self.given
        return f"{self.family} {self.given}" if self.language == "ja" else f"{self.given} {self.family}"

    @property
    def mailbox(self) -> str:
        """The part of an address before the @."""
        kept = (
            c for c in f"{self.latin_given}.{self.latin_family}".lower().translate(_PLAIN) if c in _LETTERS
        )
        return "".join(kept)


_PLAIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz.")


def person(chance: Random, language: str) -> Person:
    """Somebody whose language is zh, en, de or ja."""
    woman = chance.random() < 0.54
    gender = "female" if woman else "male"
    if language == "zh":
        family, latin = SURNAMES.pick(chance)
        given = chance.choice(_WOMEN if woman else _MEN)
        return Person(family, given, latin, "".join(lazy_pinyin(given)).capitalize(), language, gender)
    women, men, families = {"en": _ENGLISH, "de": _GERMAN, "ja": _JAPANESE}[language]
    if language == "ja":
        given, latin_given = _pair(chance, women if woman else men)
        family, latin = _pair(chance, families)
        return Person(family, given, latin, latin_given, language, gender)
    given, family = chance.choice((women if woman else men).split()), chance.choice(families.split())
    return Person(family, given, family, given, language, gender)


def _pair(chance: Random, text: str) -> tuple[str, str]:
    words = text.split()
    at = 2 * chance.randrange(len(words) // 2)
    return words[at], words[at + 1]


@dataclass(frozen=True)
class Place:
    """A city with its districts, its streets, the first digits of its postal codes and its telephone prefix."""

    province: str
    city: str
    districts: tuple[str, ...]
    postal: str
    dial: str

    @property
    def short(self) -> str:
        """The city without its rank."""
        return self.city.removesuffix("市")


_PLACES = """
广东省 深圳市 南山区,福田区,罗湖区,宝安区,龙岗区,龙华区 5180 0755 24
广东省 广州市 天河区,越秀区,海珠区,番禺区,白云区,荔湾区 5100 020 14
广东省 东莞市 南城街道,虎门镇,长安镇,厚街镇 5230 0769 5
广东省 佛山市 禅城区,南海区,顺德区 5280 0757 4
广东省 潮州市 湘桥区,潮安区,饶平县 5210 0768 3
福建省 厦门市 思明区,湖里区,集美区 3610 0592 4
福建省 福州市 鼓楼区,台江区,仓山区 3500 0591 4
福建省 泉州市 丰泽区,安溪县,晋江市 3620 0595 4
浙江省 杭州市 西湖区,余杭区,滨江区,拱墅区,上城区 3100 0571 6
浙江省 宁波市 鄞州区,海曙区,江北区 3150 0574 3
上海市 上海市 浦东新区,徐汇区,静安区,长宁区,黄浦区,闵行区 2000 021 9
北京市 北京市 朝阳区,海淀区,西城区,东城区,丰台区 1000 010 8
江苏省 苏州市 姑苏区,虎丘区,吴中区,昆山市 2150 0512 4
江苏省 南京市 玄武区,鼓楼区,建邺区,江宁区 2100 025 4
四川省 成都市 武侯区,锦江区,青羊区,高新区 6100 028 5
湖北省 武汉市 武昌区,江汉区,洪山区 4300 027 3
湖南省 长沙市 岳麓区,芙蓉区,雨花区 4100 0731 3
陕西省 西安市 雁塔区,碑林区,未央区 7100 029 2
云南省 昆明市 五华区,盘龙区,官渡区 6500 0871 2
山东省 青岛市 市南区,崂山区,市北区 2660 0532 2
辽宁省 大连市 中山区,沙河口区,甘井子区 1160 0411 1
重庆市 重庆市 渝中区,江北区,渝北区,沙坪坝区 4000 023 3
"""
PLACES = Weighted.of(
    *(
        (Place(province, city, tuple(districts.split(",")), postal, dial), float(weight))
        for province, city, districts, postal, dial, weight in map(str.split, _PLACES.strip().splitlines())
    )
)
_ROADS = listed("""
科技园路 深南大道 人民路 中山路 解放路 建设路 和平路 滨河路 学府路 花园路 文化路 翠竹路 海德三道 学院路
体育西路 天河路 南京西路 淮海中路 长江路 青年路 振华路 新华路 东风路 北京路 工业大道 滨海大道 府前路
迎宾大道
""")
_ESTATES = listed("""
翠湖花园 阳光新城 万科城 碧桂园 锦绣江南 海语山庄 中海国际 金域蓝湾 保利香槟 桂花苑 御景湾 书香门第
""")


def street(chance: Random, *, office: bool) -> str:
    """A road with its number, and a floor or a flat."""
    road = f"{chance.choice(_ROADS)}{chance.randint(1, 399)}号"
    if office:
        return f"{road}{chance.choice('ABC')}座{chance.randint(2, 32)}楼{chance.randint(1, 18):02}室"
    estate = chance.choice(_ESTATES)
    return f"{road}{estate}{chance.randint(1, 28)}栋{chance.randint(1, 33)}{chance.randint(1, 6):02}"


# Stem, its Latin form.
_STEMS = listed("""
恒通 hengtong 瑞丰 ruifeng 金桥 jinqiao 华盛 huasheng 鼎盛 dingsheng 嘉和 jiahe 汇通 huitong 天成
tiancheng 远航 yuanhang 宏达 hongda 锦华 jinhua 祥云 xiangyun 同创 tongchuang 万嘉 wanjia 安泰 antai
泰和 taihe 永兴 yongxing 盛世 shengshi 雅集 yaji 清源 qingyuan 云顶 yunding 山水 shanshui 福满 fuman
聚贤 juxian 德馨 dexin 百川 baichuan 启明 qiming 星河 xinghe 蓝海 lanhai 东方 dongfang 南粤 nanyue 岭南
lingnan 海纳 haina 和顺 heshun 正大 zhengda 博雅 boya 明德 mingde 国茂 guomao 新锐 xinrui 尚品 shangpin
凯悦 kaiyue 悦享 yuexiang 禾田 hetian 竹里 zhuli 听雨 tingyu 松风 songfeng 知味 zhiwei 君悦 junyue
""")
STEMS = tuple((_STEMS[at], _STEMS[at + 1]) for at in range(0, len(_STEMS), 2))
TRADES = Weighted.of(
    # Kind of company, industry, its people at least and at most.
    (("贸易", "批发贸易", 5, 120), 18.0),
    (("茶业", "茶叶批发", 3, 80), 14.0),
    (("商贸", "批发贸易", 4, 90), 10.0),
    (("酒店管理", "酒店餐饮", 40, 900), 10.0),
    (("餐饮管理", "酒店餐饮", 20, 600), 9.0),
    (("礼品", "礼品定制", 5, 150), 10.0),
    (("科技", "信息技术", 20, 3000), 12.0),
    (("电子", "电子制造", 60, 5000), 7.0),
    (("文化传播", "文化创意", 5, 120), 6.0),
    (("物业服务", "物业管理", 30, 800), 3.0),
    (("投资咨询", "金融咨询", 8, 200), 4.0),
    (("供应链管理", "物流", 20, 700), 4.0),
)
FOREIGN_COMPANIES = {
    "en": (
        "{0} Fine Teas Ltd",
        "{0} & Sons Imports",
        "{0} Trading LLC",
        "{0} Gift House",
        "The {0} Tea Room",
    ),
    "de": ("{0} Teehandel GmbH", "Teekontor {0} GmbH & Co. KG", "{0} Feinkost GmbH", "Teehaus {0} e.K."),
    "ja": ("株式会社{0}商事", "{0}茶舗", "株式会社{0}物産"),
}
FOREIGN_PLACES = {
    # Country, its part, city, district, dial prefix with the numbers that are kept for fiction where there are such.
    "en": (
        ("US", "California", "San Francisco", "Sunset", "+1 415 555 01{:02}"),
        ("US", "New York", "New York", "Brooklyn", "+1 212 555 01{:02}"),
        ("GB", "England", "London", "Camden", "+44 20 7946 0{:03}"),
        ("AU", "Victoria", "Melbourne", "Carlton", "+61 3 7010 {:04}"),
        ("SG", "Singapore", "Singapore", "Bukit Timah", "+65 6555 {:04}"),
    ),
    "de": (
        ("DE", "Hamburg", "Hamburg", "Altona", "+49 40 66969 {:03}"),
        ("DE", "Berlin", "Berlin", "Mitte", "+49 30 23125 {:03}"),
        ("DE", "Bayern", "München", "Schwabing", "+49 89 99998 {:03}"),
    ),
    "ja": (
        ("JP", "東京都", "東京", "中央区", "+81 3 5550 {:04}"),
        ("JP", "大阪府", "大阪市", "北区", "+81 6 5550 {:04}"),
    ),
}
