"""Companies of which some are one firm, written as people write them, and others that only look like it.

Branches of one firm, sisters that share its site, city and word, namesakes in other cities, and sites where everybody has
a page are not one firm.
"""

import random
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

from pypinyin import lazy_pinyin

Row = dict[str, Any]


def _words(text: str) -> list[str]:
    return text.split()


_WORDS = "海蓝 鸿泰 华盛 金源 瑞丰 天成 博远 恒通 新宇 嘉禾 中创 远航 明德 万和 立信 东方 长江 泰山 凯旋 佳美 德隆 信诚 宏图 绿洲 云帆 启明 智联 优品 百川 同济 盛世 安泰 世纪 华夏 锦绣 九鼎 三和 五洲 六合 龙腾"
_HAN = "海蓝鸿泰华盛金源瑞丰天成博远恒通新宇嘉禾创航明德万和立信东方江山凯旋佳美隆诚宏图绿云帆启智联优品百川同济世安锦绣鼎龙腾飞达顺兴旺昌盈富贵荣耀星辰阳光"
_SOUNDS = re.findall(
    r"\S+",
    "海 蓝岚兰 鸿宏弘红 泰太 华桦 盛胜晟圣 金锦今 源元园圆 丰峰风 成诚城程 博铂 恒衡 新鑫欣 宇羽雨 嘉佳家 明铭名 德得 和合禾 立利力丽",
)
_CITIES = _words("北京 上海 广州 深圳 杭州 南京 苏州 成都 武汉 西安 重庆 天津 青岛 厦门 长沙 郑州 宁波 大连")
_TRADES = {
    "科技": "Technology",
    "信息技术": "Information Technology",
    "贸易": "Trading",
    "电子": "Electronics",
    "实业": "Industrial",
    "物流": "Logistics",
    "文化传媒": "Media",
    "建筑工程": "Construction",
    "食品": "Foods",
    "教育咨询": "Education",
    "生物科技": "Biotech",
    "餐饮管理": "Catering",
    "机械设备": "Machinery",
    "广告": "Advertising",
    "纺织": "Textile",
    "新能源": "Energy",
}
_FORMS = ("有限公司", "有限责任公司", "股份有限公司", "集团有限公司")
_NAMES = _words(
    "Miller Novak Hansen Schneider Lindqvist Moreau Rossi Kowalski Fischer Bergmann Walker Harris Bennett Coleman Foster Hughes Mercer"
    " Atlas Vertex Summit Horizon Pioneer Falcon Meridian Beacon Granite Cobalt Juniper Orchard Sterling Crescent Harbour Redwood"
    " Kestrel Lumen Zenith Aurora Quantum Nimbus Solaris Polaris Everest Cascade Driftwood Ironbridge Larkspur Maple Northgate Oakfield"
)
_KINDS = _words(
    "Consulting Logistics Trading Electronics Foods Software Construction Media Energy Textiles Machinery Design Marine Optics Dynamics Partners"
)
_TOWNS = _words(
    "London Manchester Berlin Munich Paris Lyon Madrid Milan Vienna Chicago Boston Dallas Sydney Dublin Zurich Warsaw"
)
_ENDINGS = {
    "Ltd": "Limited",
    "GmbH": "AG",
    "Inc.": "Corporation",
    "LLC": "L.L.C.",
    "S.A.": "SA",
    "B.V.": "BV",
    "PLC": "Ltd.",
    "Co., Ltd.": "Company Limited",
}
_INDUSTRIES = _words(
    "电子 贸易 制造 教育 物流 建筑 食品 传媒 能源 software logistics retail consulting manufacturing"
)
_SHARED = ("qq.com", "163.com", "gmail.com", "1688.com", "facebook.com")


def firms(count: int, seed: int = 1) -> tuple[list[Row], set[tuple[str, str]]]:
    """About so many companies, one in five of them written down again once or twice; and the pairs that are one firm."""
    chance = random.Random(seed)
    rows: list[Row] = []
    truth: set[tuple[str, str]] = set()
    taken: set[str] = set()
    while len(rows) < count:
        own = _firm(chance, taken)
        for one in (own, *_family(chance, own, taken)):
            one["id"] = f"{len(rows):08}"
            written = [one]
            if chance.random() < 0.2 and _telling(one, one):
                written += [_again(chance, one, len(rows) + n + 1) for n in range(chance.choice((1, 1, 2)))]
            rows += written
            truth |= {(a["id"], b["id"]) for a, b in combinations(written, 2)}
    return [_row(one) for one in rows], truth


def _row(firm: Row) -> Row:
    """As a company stands in its table."""
    name = firm["written"] or _named(firm)
    kept = {key: firm[key] for key in ("id", "domain", "region", "country", "industry")}
    custom = {"tax_number": firm["tax"]} if firm["tax"] else {}
    return kept | {"name": name, "custom": custom, "updated_at": None}


def _named(firm: Row) -> str:
    place, core, trade, form, branch = (firm[key] for key in ("place", "core", "trade", "form", "branch"))
    if not firm["han"]:
        end = f" {branch} Branch" if branch else ""
        return " ".join(filter(None, (core, trade, f"({place})" if place else "", form))) + end
    end = f"{branch}分公司" if branch else ""
    if firm["style"] == "brackets" and place:
        return f"{core}（{place}）{trade}{form}{end}"
    return f"{place}{'市' if firm['style'] == 'long' and place else ''}{core}{trade}{form}{end}"


def _firm(chance: random.Random, taken: set[str]) -> Row:
    """One that is registered nowhere yet: a name is unique in its city."""
    while True:
        made = _han(chance) if chance.random() < 0.6 else _latin(chance)
        if (key := _registered(made)) not in taken:
            break
    taken.add(key)
    stem = "".join(lazy_pinyin(made["core"])).lower().replace(" ", "").replace("&", "")
    sites = (f"{stem}{n or ''}{chance.choice(('.com', '.cn', '.com.cn', '.net'))}" for n in range(10_000))
    site = next(each for each in sites if each not in taken)
    taken.add(site)
    shared = chance.random() < 0.06
    return made | {
        "domain": chance.choice(_SHARED) if shared else site if chance.random() < 0.7 else None,
        "region": made["city"] if chance.random() < 0.7 else None,
        "country": made["country"] if chance.random() < 0.8 else None,
        "industry": chance.choice(_INDUSTRIES) if chance.random() < 0.5 else None,
        "tax": f"91{chance.randrange(10**13):013}X{chance.randrange(100):02}"
        if chance.random() < 0.3
        else None,
        "branch": "",
        "sisters": False,
        "written": "",
    }


def _registered(firm: Row) -> str:
    """What is unique: in the city that it names, or in its country."""
    where = firm["place"] or firm["country"]
    return f"{firm['core']} {firm['trade']} {where} {firm.get('branch', '')}"


def _han(chance: random.Random) -> Row:
    core = (
        chance.choice(_WORDS.split())
        if chance.random() < 0.4
        else "".join(chance.choices(_HAN, k=chance.choice((2, 2, 3))))
    )
    city = chance.choice(_CITIES)
    styles = ("plain", "plain", "long", "brackets")
    return {
        "han": True,
        "core": core,
        "trade": chance.choice([*_TRADES]),
        "city": city,
        "place": city if chance.random() < 0.8 else "",
        "form": chance.choice(_FORMS[:3]),
        "style": chance.choice(styles),
        "country": "CN",
    }


def _latin(chance: random.Random) -> Row:
    core = chance.choice(_NAMES)
    if chance.random() < 0.6:
        core = f"{core} {chance.choice(('& ', ''))}{chance.choice(_NAMES)}"
    return {
        "han": False,
        "core": core,
        "trade": chance.choice(_KINDS),
        "city": chance.choice(_TOWNS),
        "place": "",
        "form": chance.choice([*_ENDINGS]),
        "style": "plain",
        "country": chance.choice(("GB", "DE", "FR", "US", "AU")),
    }


def _family(chance: random.Random, own: Row, taken: set[str]) -> list[Row]:
    """What looks like the firm and is not."""
    made: list[Row] = []
    cities = _CITIES if own["han"] else _TOWNS
    if chance.random() < 0.06:  # branches share everything but their city
        made += [
            own | {"branch": city, "region": city if own["region"] else None, "tax": None}
            for city in chance.sample(cities, chance.choice((1, 2, 3)))
        ]
    if chance.random() < 0.06:  # a sister does something else
        trade = chance.choice([one for one in ([*_TRADES] if own["han"] else _KINDS) if one != own["trade"]])
        own["sisters"] = True
        made.append(own | {"trade": trade, "tax": None, "industry": None})
    if chance.random() < 0.08:  # a namesake is registered elsewhere
        other = _firm(chance, taken)
        city = chance.choice([one for one in cities if one != own["city"]])
        namesake = own | {
            "city": city,
            "place": city,
            "region": city if own["region"] else None,
            "tax": other["tax"],
        }
        made.append(namesake | {"domain": other["domain"], "industry": other["industry"]})
    kept = []
    for one in made:
        key = _registered(one)
        if key not in taken:
            taken.add(key)
            kept.append(one)
    return kept


def _again(chance: random.Random, firm: Row, at: int) -> Row:
    """The same firm, with up to three things written otherwise, but never all by which anybody could tell."""
    other = {**firm, "id": f"{at:08}"}
    for change in chance.sample(_CHANGES, chance.choice((1, 2, 2, 3))):
        before = dict(other)
        change(chance, other)
        if not _telling(other, firm):
            other = before
    return other


def _telling(one: Row, other: Row) -> bool:
    """Whether the site or the tax number is still the same, or the registered name where nothing speaks against it."""
    if one["tax"] and one["tax"] == other["tax"]:
        return True
    if one["domain"] and one["domain"] == other["domain"] and one["domain"] not in _SHARED:
        return True
    named = all(one[key] == other[key] for key in ("place", "core", "trade", "branch", "written")) and bool(
        one["place"]
    )
    return named and all(
        not one[key] or not other[key] or one[key] == other[key] for key in ("region", "tax")
    )


def _same_sound(chance: random.Random, firm: Row) -> None:
    for at, character in enumerate(firm["core"]):
        group = next((each for each in _SOUNDS if character in each and len(each) > 1), "")
        if group and not firm["written"]:
            firm["core"] = (
                firm["core"][:at] + chance.choice(group.replace(character, "")) + firm["core"][at + 1 :]
            )
            return


def _misspelt(chance: random.Random, firm: Row) -> None:
    if firm["han"] or firm["written"]:
        return
    core, at = firm["core"], chance.randrange(1, len(firm["core"]) - 1)
    ways = (
        core[:at] + core[at + 1 :],
        core[:at] + core[at] + core[at:],
        core[:at] + core[at + 1] + core[at] + core[at + 2 :],
    )
    firm["core"] = chance.choice(ways)


def _other_form(chance: random.Random, firm: Row) -> None:
    firm["form"] = chance.choice(_FORMS) if firm["han"] else _ENDINGS.get(firm["form"], firm["form"])


def _without_form(_: random.Random, firm: Row) -> None:
    firm["form"] = ""


def _short(_: random.Random, firm: Row) -> None:
    if not firm["branch"]:
        firm["form"], firm["place"] = "", ""


def _own_word(_: random.Random, firm: Row) -> None:
    if not firm["branch"] and not firm["sisters"]:  # or nobody could tell which of them it is
        firm["form"], firm["place"], firm["trade"] = "", "", ""


def _in_english(chance: random.Random, firm: Row) -> None:
    if firm["han"] and firm["trade"] in _TRADES and not firm["branch"]:
        core = (chance.choice(("", " "))).join(lazy_pinyin(firm["core"])).title()
        place = "".join(lazy_pinyin(firm["place"])).capitalize()
        end = chance.choice((" Co., Ltd.", " Co Ltd", " Limited"))
        shown = chance.choice(
            (f"{place} {core} {_TRADES[firm['trade']]}", f"{core} {_TRADES[firm['trade']]} ({place})")
        )
        firm["written"] = (
            shown.replace("()", "").strip() if place else f"{core} {_TRADES[firm['trade']]}"
        ) + end


def _other_style(chance: random.Random, firm: Row) -> None:
    firm["style"] = chance.choice(("plain", "long", "brackets"))


def _shouted(_: random.Random, firm: Row) -> None:
    if not firm["han"]:
        firm["written"] = _named(firm).upper() if not firm["written"] else firm["written"]


def _moved(chance: random.Random, firm: Row) -> None:
    firm["region"] = chance.choice(_CITIES if firm["han"] else _TOWNS)


def _region_in_latin(_: random.Random, firm: Row) -> None:
    if firm["region"]:
        firm["region"] = "".join(lazy_pinyin(firm["region"])).capitalize()


def _without(name: str) -> Callable[[random.Random, Row], None]:
    def drop(_: random.Random, firm: Row) -> None:
        firm[name] = None

    return drop


def _other_ending(_: random.Random, firm: Row) -> None:
    if firm["domain"] and firm["domain"] not in _SHARED:
        firm["domain"] = (
            f"{firm['domain'].partition('.')[0]}.{'cn' if firm['domain'].endswith('.com') else 'com'}"
        )


def _other_industry(chance: random.Random, firm: Row) -> None:
    firm["industry"] = chance.choice(_INDUSTRIES)


_CHANGES: tuple[Callable[[random.Random, Row], None], ...] = (
    *(
        _same_sound,
        _same_sound,
        _misspelt,
        _misspelt,
        _other_form,
        _other_form,
        _without_form,
        _short,
        _own_word,
    ),
    *(_in_english, _other_style, _shouted, _moved, _region_in_latin, _without("domain"), _without("region")),
    *(_without("tax"), _without("country"), _other_ending, _other_industry),
)
