"""The customers: companies, and people of eight kinds that analytics should be able to tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from app.sample import names
from app.sample.names import Person, Weighted, dice, listed
from app.sample.seasons import DAYS

CONTACTS, COMPANIES = 2000, 300
SALES = ("user-sales-1", "user-sales-2", "user-sales-3", "user-sales-4")


class Kind(StrEnum):
    """How somebody buys. No field says so: it shows in what they did."""

    LOYAL = "loyal"
    GROWING = "growing"
    WHOLESALE = "wholesale"
    LAPSED = "lapsed"
    ONE_OFF = "one_off"
    OCCASIONAL = "occasional"
    LEAD = "lead"
    PROSPECT = "prospect"


SHARES = {
    Kind.LOYAL: 190,
    Kind.GROWING: 110,
    Kind.WHOLESALE: 150,
    Kind.LAPSED: 300,
    Kind.ONE_OFF: 480,
    Kind.OCCASIONAL: 330,
    Kind.LEAD: 240,
    Kind.PROSPECT: 170,
}
DUPLICATES = CONTACTS - sum(SHARES.values())
_AT_WORK = {
    Kind.WHOLESALE: 0.97,
    Kind.PROSPECT: 0.55,
    Kind.LEAD: 0.35,
    Kind.LOYAL: 0.12,
    Kind.OCCASIONAL: 0.1,
}
"""The part that we know by their company."""
_CHANNELS = Weighted.of(("web", 44.0), ("wechat", 25.0), ("store", 21.0), ("phone", 6.0), ("exhibition", 4.0))
_WORK_CHANNELS = Weighted.of(("exhibition", 40.0), ("phone", 30.0), ("web", 18.0), ("wechat", 12.0))
_LANGUAGES = Weighted.of(("zh", 88.0), ("en", 7.0), ("de", 2.5), ("ja", 2.5))
_TITLES = {
    "zh": "采购经理 采购经理 采购主管 总经理 总经理 行政经理 行政专员 店长 市场总监 创始人 人事经理 财务经理 餐饮总监 副总经理",
    "en": "Buyer Buyer Owner Director Category-Manager Office-Manager",
    "de": "Einkäufer Einkaufsleiterin Inhaber Geschäftsführerin",
    "ja": "仕入担当 店長 課長 代表取締役",
}
_OCCUPATIONS = listed("""
教师 医生 工程师 公务员 会计 设计师 个体经营 退休 律师 销售 企业管理 自由职业 学生 程序员 护士
""")
_EDUCATION = Weighted.of(("高中", 14.0), ("大专", 26.0), ("本科", 46.0), ("硕士", 12.0), ("博士", 2.0))
_INCOMES = Weighted.of(
    ("5千以下", 12.0), ("5千-1万", 34.0), ("1万-2万", 32.0), ("2万-5万", 18.0), ("5万以上", 4.0)
)
_MOBILES = listed("""
130 131 132 133 135 136 137 138 138 139 139 150 151 152 155 158 159 166 176 177 178 180 181 185 186 187
188 189 198 199
""")
_NO_NUMBER = ("暂无", "见名片", "1380013", "微信联系", "call office", "00000000000", "1391234567八")


@dataclass(frozen=True)
class Company:
    """A company on the wire, with what its people need of it."""

    id: str
    language: str
    owner: str
    domain: str
    wire: dict[str, Any]
    address: dict[str, Any]
    dial: str


@dataclass(frozen=True)
class Contact:
    """A person with the truth about them."""

    id: str
    kind: Kind
    person: Person
    company: Company | None
    channel: str
    owner: str | None
    wire: dict[str, Any]
    """As ContactUpsert takes it, without what follows from the orders."""

    @property
    def language(self) -> str:
        """zh, en, de or ja."""
        return self.person.language


def _number(chance: Random, pattern: str) -> str:
    return pattern.format(chance.randrange(100))


def companies(seed: int) -> list[Company]:
    """All companies; some are branches of another."""
    chance = dice(seed, "companies")
    made: list[Company] = []
    taken: set[str] = set()
    while len(made) < COMPANIES:
        language = _LANGUAGES.pick(chance)
        company = _company(chance, f"company-{len(made) + 1:03}", language)
        if company.wire["name"] in taken:
            continue
        taken.add(company.wire["name"])
        above = [c for c in made if c.wire["industry"] == "酒店餐饮" and "parent_id" not in c.wire]
        if above and company.wire["industry"] == "酒店餐饮" and chance.random() < 0.3:
            company.wire["parent_id"] = chance.choice(above).id
        made.append(company)
    return made


def _company(chance: Random, id_: str, language: str) -> Company:
    owner = chance.choice(SALES)
    if language == "zh":
        place = names.PLACES.pick(chance)
        stem, latin = chance.choice(names.STEMS)
        trade, industry, least, most = names.TRADES.pick(chance)
        name = f"{place.city if chance.random() < 0.8 else place.short}{stem}{trade}有限公司"
        domain = f"{latin}-{id_[-3:]}.example"
        address = _chinese_address(chance, place, office=True)
        country, region, dial = "CN", place.province, f"{place.dial}-8{{:07}}"
    else:
        country, region, city, district, dial = chance.choice(names.FOREIGN_PLACES[language])
        boss = names.person(chance, language)
        name = chance.choice(names.FOREIGN_COMPANIES[language]).format(boss.family)
        domain = f"{boss.mailbox.split('.')[-1]}-{id_[-3:]}.example"
        industry, least, most = chance.choice(
            (("茶叶批发", 2, 40), ("礼品定制", 4, 120), ("酒店餐饮", 5, 200))
        )
        address = {"country": country, "province": region, "city": city, "district": district}
    wire: dict[str, Any] = {
        "name": name,
        "domain": domain,
        "industry": industry,
        # Small ones are many: the cube leans to the least.
        "employees": least + int((most - least) * chance.random() ** 3),
        "region": region,
        "country": country,
        "owner_id": owner,
        "tags": ["海外"] if language != "zh" else [],
        "external_ids": {"sample": id_},
    }
    if chance.random() < 0.12:
        del wire["domain"]
    if chance.random() < 0.15:
        del wire["employees"]
    return Company(id_, language, owner, domain, wire, address, dial)


def _chinese_address(chance: Random, place: names.Place, *, office: bool) -> dict[str, Any]:
    return {
        "label": "公司" if office else "家",
        "country": "CN",
        "province": place.province,
        "city": place.city,
        "district": chance.choice(place.districts),
        "street": names.street(chance, office=office),
        "postal_code": f"{place.postal}{chance.randrange(100):02}",
    }


def contacts(seed: int, end: date, firms: Sequence[Company]) -> list[Contact]:
    """Everybody but the duplicates, in no order."""
    chance = dice(seed, "contacts")
    kinds = [kind for kind, count in SHARES.items() for _ in range(count)]
    chance.shuffle(kinds)
    clients = chance.sample(firms, 110)
    return [
        _contact(chance, f"contact-{number:04}", kind, end, clients if kind is Kind.WHOLESALE else firms)
        for number, kind in enumerate(kinds, start=1)
    ]


def _contact(chance: Random, id_: str, kind: Kind, end: date, firms: Sequence[Company]) -> Contact:
    company = chance.choice(firms) if chance.random() < _AT_WORK.get(kind, 0.04) else None
    language = company.language if company else _LANGUAGES.pick(chance)
    person = names.person(chance, language)
    owner = company.owner if company else chance.choice(SALES) if chance.random() < 0.6 else None
    channel = (_WORK_CHANNELS if company or kind is Kind.WHOLESALE else _CHANNELS).pick(chance)
    wire: dict[str, Any] = {
        "name": person.full,
        "given_name": person.given,
        "family_name": person.family,
        "emails": _emails(chance, id_, person, company),
        "phones": _phones(chance, language, company),
        "addresses": _addresses(chance, language, company),
        "source": channel,
        "language": {"zh": "zh-CN"}.get(language, language),
        "external_ids": {"sample": id_},
    }
    if company:
        wire["company_id"] = company.id
    if company or kind is Kind.WHOLESALE:
        # Where the company is not known, the title is all that tells of it.
        wire["job_title"] = chance.choice(_TITLES[language].split()).replace("-", " ")
    if owner:
        wire["owner_id"] = owner
    _describe(chance, wire, person, end, private=company is None)
    _soil(chance, wire, person)
    return Contact(id_, kind, person, company, channel, owner, wire)


def _emails(chance: Random, id_: str, person: Person, company: Company | None) -> list[dict[str, str]]:
    if company:
        return [{"address": f"{person.mailbox}@{company.domain}", "label": "work"}]
    if chance.random() < (0.55 if person.language == "zh" else 0.97):
        host = chance.choice(("mail.example", "post.example", "inbox.example"))
        return [{"address": f"{person.mailbox}{id_[-4:]}@{host}"}]
    return []


def _phones(chance: Random, language: str, company: Company | None) -> list[dict[str, str]]:
    if language != "zh":
        pattern = company.dial if company else chance.choice(names.FOREIGN_PLACES[language])[4]
        return [{"number": _number(chance, pattern)}] if chance.random() < 0.8 else []
    digits = chance.choice(_MOBILES) + f"{chance.randrange(10**8):08}"
    typed = chance.choice(
        (
            digits,
            digits,
            f"{digits[:3]} {digits[3:7]} {digits[7:]}",
            f"+86 {digits}",
            f"{digits[:3]}-{digits[3:7]}-{digits[7:]}",
        )
    )
    found = [{"number": typed, "label": "mobile"}] if chance.random() < 0.96 else []
    if company and chance.random() < 0.35:
        found.append({"number": company.dial.format(chance.randrange(10**7)), "label": "work"})
    return found


def _addresses(chance: Random, language: str, company: Company | None) -> list[dict[str, Any]]:
    if company:
        return [company.address]
    if chance.random() > 0.7:
        return []
    if language == "zh":
        return [_chinese_address(chance, names.PLACES.pick(chance), office=False)]
    country, region, city, district, _ = chance.choice(names.FOREIGN_PLACES[language])
    return [{"country": country, "province": region, "city": city, "district": district}]


def _describe(chance: Random, wire: dict[str, Any], person: Person, end: date, *, private: bool) -> None:
    if chance.random() < 0.8:
        wire["gender"] = person.gender
    if not private:
        return
    if chance.random() < 0.45:
        wire["birth_date"] = (end - timedelta(days=int(chance.triangular(19, 75, 36) * 365.25))).isoformat()
    if person.language == "zh" and chance.random() < 0.4:
        wire["occupation"] = chance.choice(_OCCUPATIONS)
        wire["education"] = _EDUCATION.pick(chance)
        wire["income_band"] = _INCOMES.pick(chance)


def _soil(chance: Random, wire: dict[str, Any], person: Person) -> None:
    """A few records are as careless hands leave them."""
    if chance.random() < 0.01:
        wire["phones"] = [{"number": chance.choice(_NO_NUMBER)}]
    if wire["emails"] and chance.random() < 0.005:
        wire["emails"] = [{"address": wire["emails"][0]["address"].replace("@", "#")}]
    if person.language == "zh" and chance.random() < 0.012:
        calls = f"{person.family}{'女士' if person.gender == 'female' else '先生'}"
        wire["name"] = chance.choice((calls, f" {person.full} ", f"{person.full}（{wire['source']}）"))


_OLD_FORM = str.maketrans(
    "张刘陈杨赵吴孙马罗郑谢许韩冯邓苏叶吕卢钟谭陆贾龙龚顾伟强丽静艳玲红华国军东兰",
    "張劉陳楊趙吳孫馬羅鄭謝許韓馮鄧蘇葉呂盧鍾譚陸賈龍龔顧偉強麗靜艷玲紅華國軍東蘭",
)


def duplicates(seed: int, everybody: Sequence[Contact]) -> dict[str, tuple[dict[str, Any], str]]:
    """The same people again, spelt differently: the id to the contact on the wire, and to whose double it is."""
    chance = dice(seed, "duplicates")
    able = [
        c
        for c in everybody
        if c.language == "zh" and c.wire["phones"] and len(c.wire["phones"][0]["number"]) > 10
    ]
    found = {}
    for number, contact in enumerate(chance.sample(able, DUPLICATES), start=len(everybody) + 1):
        person, typed = contact.person, contact.wire["phones"][0]["number"]
        digits = "".join(c for c in typed if c.isdigit())[-11:]
        spelt = (
            f"{person.latin_given} {person.latin_family}",
            f"{person.latin_family.upper()} {person.latin_given}",
            person.full.translate(_OLD_FORM),
            f"{person.family} {person.given}",
        )
        id_ = f"contact-{number:04}"
        wire = {
            "name": chance.choice([name for name in spelt if name != contact.wire["name"]]),
            "phones": [{"number": chance.choice((digits, f"86{digits}", f"+86-{digits[:3]}-{digits[3:]}"))}],
            "source": chance.choice(("exhibition", "phone", "store")),
            "stage": "lead",
            "external_ids": {"sample": id_},
        }
        if contact.wire["emails"] and chance.random() < 0.6:
            wire["emails"] = [{"address": contact.wire["emails"][0]["address"].upper()}]
        if contact.owner:
            # The other salesman has met the same person.
            wire["owner_id"] = chance.choice([one for one in SALES if one != contact.owner])
        found[id_] = (wire, contact.id)
    return found


_ASKED = (("marketing", "email"), ("marketing", "sms"), ("marketing", "wecom"), ("service", "phone"))


def consents(seed: int, end: date, everybody: Sequence[Contact]) -> dict[str, list[dict[str, Any]]]:
    """What some said about being written to, as Consent takes it; the others were not asked."""
    chance = dice(seed, "consents")
    found: dict[str, list[dict[str, Any]]] = {}
    for contact in everybody:
        if chance.random() > 0.62:
            continue
        said = []
        for purpose, channel in _ASKED:
            if chance.random() > 0.6 or (channel == "email" and not contact.wire["emails"]):
                continue
            withdrawn = chance.random() < 0.08
            day = end - timedelta(days=chance.randint(2, 200 if withdrawn else DAYS))
            said.append(
                {
                    "purpose": purpose,
                    "channel": channel,
                    "state": "withdrawn" if withdrawn else "granted",
                    "at": f"{day.isoformat()}T{chance.randint(9, 20):02}:{chance.randrange(60):02}:00+08:00",
                    "source": "unsubscribe" if withdrawn else chance.choice(("form", "store", "wechat")),
                    "evidence": "点击邮件内退订链接" if withdrawn else "勾选：同意接收海蓝茶业的优惠信息",
                }
            )
        if said:
            found[contact.id] = said
    return found
