"""Contacts of which some are one person, written as people write them: by sound, in pinyin, with parts swapped or left out.

Families share a name, a number and an address without being one person.
"""

import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from pypinyin import lazy_pinyin

Row = dict[str, Any]
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_SOUNDS = re.findall(
    r"\S+",
    "伟薇威维玮 明鸣铭 静婧靖敬 丽莉立 强 磊蕾 洋扬阳 勇 艳燕彦 杰婕洁 娟 涛 超 霞侠 平萍 刚钢 桂 英颖莹 华桦 玉钰 兰岚 红宏鸿"
    " 梅 诗 雨宇语羽 欣新鑫馨 怡 子梓紫 涵晗 浩昊 佳嘉家 晨辰 轩萱 博 文雯 军君俊钧 建健 国 志智 海 春 秀 芳 敏 娜 思 琪琦 瑶"
    " 婷 雪 琳林霖 云芸 凤 龙 飞菲 峰锋枫 波 斌彬 辉慧惠 亮 凯楷 宁凝 倩茜 蓉荣 淑 振 东冬 天 永",
)
_PLACES = (
    ("上海市", "浦东新区", "世纪大道 张杨路 东方路 浦电路"),
    ("上海市", "徐汇区", "漕溪北路 肇嘉浜路 衡山路"),
    ("北京市", "朝阳区", "建国路 朝阳北路 光华路 工体北路"),
    ("北京市", "海淀区", "中关村大街 学院路 知春路"),
    ("广州市", "天河区", "天河路 体育东路 珠江新城华夏路"),
    ("深圳市", "南山区", "深南大道 科技园南路 后海大道"),
    ("杭州市", "西湖区", "文三路 天目山路 文一西路"),
    ("成都市", "武侯区", "人民南路 天府大道 科华北路"),
    ("武汉市", "洪山区", "珞喻路 雄楚大道"),
    ("重庆市", "渝中区", "解放碑民族路 中山三路"),
)
_DOMAINS = ("qq.com", "163.com", "126.com", "gmail.com", "sina.com", "example.cn")


def people(count: int, seed: int = 1) -> tuple[list[Row], set[tuple[str, str]]]:
    """About so many contacts, one in five of them written down again once or twice; and the pairs that are one person."""
    chance = random.Random(seed)
    rows: list[Row] = []
    truth: set[tuple[str, str]] = set()
    while len(rows) < count:
        home, phone, family = _home(chance), _phone(chance), chance.choice(_FAMILY)
        for _ in range(chance.choice((1, 1, 1, 1, 1, 1, 1, 2, 3))):
            own = _person(chance, len(rows), family, home, phone)
            written = [own]
            if chance.random() < 0.2:
                written += [_again(chance, own, len(rows) + n + 1) for n in range(chance.choice((1, 1, 2)))]
            rows += written
            truth |= {(a["id"], b["id"]) for a, b in combinations(sorted(written, key=_id), 2)}
    return rows, truth


def _id(row: Row) -> str:
    return str(row["id"])


def _home(chance: random.Random) -> Row:
    city, district, streets = chance.choice(_PLACES)
    street = f"{chance.choice(streets.split())}{chance.randint(1, 999)}号{chance.randint(1, 30)}幢{chance.randint(101, 2804)}室"
    return {"city": city, "district": district, "street": street}


def _phone(chance: random.Random) -> str:
    return f"+861{chance.choice('3578')}{chance.randrange(10**9):09}"


def _person(chance: random.Random, at: int, family: str, home: Row, phone: str) -> Row:
    given = "".join(chance.choice(chance.choice(_SOUNDS)) for _ in range(chance.choice((1, 2, 2, 2))))
    mailbox = f"{''.join(lazy_pinyin(family + given))}{chance.randrange(10_000)}"
    own = chance.random() < 0.75
    return {
        "id": f"{at:08}",
        "name": family + given,
        "given_name": None,
        "family_name": None,
        "emails": [_email(f"{mailbox}@{chance.choice(_DOMAINS)}")] if chance.random() < 0.7 else [],
        "phones": [{"e164": _phone(chance) if own else phone}],
        "addresses": [home] if chance.random() < 0.8 else [],
        "birth_date": date(1950, 1, 1) + timedelta(days=chance.randrange(19_000))
        if chance.random() < 0.6
        else None,
        "company_id": None,
        "custom": {},
        "updated_at": None,
    }


def _email(address: str) -> Row:
    return {"normalised": address}


def _again(chance: random.Random, row: Row, at: int) -> Row:
    """The same person, with up to three things written otherwise, but never all by which anybody could tell."""
    other = {**row, "id": f"{at:08}"}
    for change in chance.sample(_CHANGES, chance.choice((1, 2, 2, 3))):
        before = dict(other)
        change(chance, other)
        if not _telling(other, row):
            other = before
    return other


def _telling(one: Row, other: Row) -> bool:
    """Whether at least two of number, address of mail, birth date and home are still the same."""
    same = sum(bool(one[name]) and one[name] == other[name] for name in ("phones", "emails", "birth_date"))
    return same + bool(one["addresses"] and other["addresses"]) >= 2


def _same_sound(chance: random.Random, row: Row) -> None:
    name = row["name"]
    if name.isascii():
        return
    for place, character in enumerate(name[1:], 1):
        group = next((each for each in _SOUNDS if character in each), character)
        row["name"] = row["name"][:place] + chance.choice(group) + row["name"][place + 1 :]


def _pinyin(chance: random.Random, row: Row) -> None:
    if row["name"].isascii():
        return
    family, given = ("".join(lazy_pinyin(part)).capitalize() for part in (row["name"][0], row["name"][1:]))
    row["name"] = chance.choice((f"{family} {given}", f"{given} {family}", f"{given} {family}".upper()))


def _no_phone(_: random.Random, row: Row) -> None:
    row["phones"] = []


def _other_phone(chance: random.Random, row: Row) -> None:
    row["phones"] = [{"e164": _phone(chance)}]


def _wrong_digit(chance: random.Random, row: Row) -> None:
    if row["phones"]:
        number = row["phones"][0]["e164"]
        place = chance.randrange(5, len(number))
        row["phones"] = [{"e164": f"{number[:place]}{(int(number[place]) + 1) % 10}{number[place + 1 :]}"}]


def _no_email(_: random.Random, row: Row) -> None:
    row["emails"] = []


def _other_email(chance: random.Random, row: Row) -> None:
    row["emails"] = [_email(f"user{chance.randrange(10**7)}@{chance.choice(_DOMAINS)}")]


def _in_one_line(_: random.Random, row: Row) -> None:
    row["addresses"] = [{"street": "".join(one.values())} for one in row["addresses"]]


def _swapped(_: random.Random, row: Row) -> None:
    row["addresses"] = [
        {"street": one["city"], "city": one["street"], "district": one["district"]}
        for one in row["addresses"]
        if "city" in one
    ] or row["addresses"]


def _moved(chance: random.Random, row: Row) -> None:
    row["addresses"] = [_home(chance)]


def _no_birth_date(_: random.Random, row: Row) -> None:
    row["birth_date"] = None


_CHANGES: tuple[Callable[[random.Random, Row], None], ...] = (
    _same_sound,
    _same_sound,
    _pinyin,
    _pinyin,
    _no_phone,
    _other_phone,
    _wrong_digit,
    _no_email,
    _other_email,
    _in_one_line,
    _swapped,
    _moved,
    _no_birth_date,
)
