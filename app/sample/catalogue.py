"""What the shop sells: ten categories of twelve products."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import product as each

from app.sample.names import dice

CENT = Decimal("0.01")
FRAGILE = "product-074"
"""The product that breaks on the way: most complaints are about it."""


@dataclass(frozen=True)
class Kind:
    """A category, the letters of its codes, its share of the lines, and the two words of its products with prices."""

    category: str
    code: str
    share: float
    heads: tuple[tuple[str, str], ...]
    tails: tuple[tuple[str, str], ...]
    """Each with the factor on the price."""


def _kind(category: str, code: str, share: float, heads: str, tails: str) -> Kind:
    def pairs(text: str) -> tuple[tuple[str, str], ...]:
        words = text.split()
        return tuple(zip(words[::2], words[1::2], strict=True))

    return Kind(category, code, share, pairs(heads), pairs(tails))


_PACKS = "特级·100g 1 特级·250g 2.3 一级·250g 1.5"
KINDS = (
    _kind("绿茶", "GRN", 1.3, "西湖龙井 128 碧螺春 98 黄山毛峰 78 信阳毛尖 68", _PACKS),
    _kind("红茶", "RED", 1.2, "正山小种 88 金骏眉 168 祁门红茶 76 滇红金芽 66", _PACKS),
    _kind("乌龙茶", "OOL", 1.3, "安溪铁观音 86 凤凰单丛·鸭屎香 138 武夷大红袍 158 冻顶乌龙 118", _PACKS),
    _kind(
        "普洱茶",
        "PUE",
        1.0,
        "勐海熟饼 128 易武生饼 188 老班章古树 398 小青柑 68",
        "357g 1 3年陈·357g 1.6 礼享·五饼 4.6",
    ),
    _kind("白茶", "WHT", 0.8, "白毫银针 198 白牡丹 98 寿眉 58 老白茶饼 138", _PACKS),
    _kind(
        "花茶",
        "FLW",
        0.8,
        "茉莉龙珠 58 桂花乌龙 48 玫瑰红茶 46 菊花普洱 42",
        "罐装·80g 1 袋装·200g 1.9 三角茶包·20包 0.8",
    ),
    _kind(
        "茶具",
        "WARE",
        1.1,
        "白瓷盖碗 68 紫砂壶 298 玻璃公道杯 39 旅行茶具套装 139",
        "经典款 1 手绘款 1.7 大师款 4.2",
    ),
    _kind(
        "中秋礼盒",
        "MID",
        0.7,
        "花好月圆茶月礼盒 268 月满西楼礼盒 398 海上明月礼盒 188 团圆茶点礼盒 158",
        "标准 1 豪华 1.8 企业定制 1.4",
    ),
    _kind(
        "新春礼盒",
        "CNY",
        0.7,
        "福满堂礼盒 298 四季平安礼盒 458 红红火火茶礼 198 年年有余礼盒 238",
        "标准 1 豪华 1.8 企业定制 1.4",
    ),
    _kind("茶点", "BITE", 1.1, "绿豆糕 28 桃酥 25 茶香曲奇 36 云片糕 22", "6枚装 1 12枚装 1.85 家庭装 2.9"),
)


@dataclass(frozen=True)
class Product:
    """One product; money in yuan."""

    id: str
    sku: str
    name: str
    category: str
    price: Decimal
    cost: Decimal
    active: bool
    tags: tuple[str, ...]

    def wire(self) -> dict[str, object]:
        """As ProductUpsert takes it."""
        return {
            "sku": self.sku,
            "name": self.name,
            "category": self.category,
            "price": str(self.price),
            "cost": str(self.cost),
            "currency": "CNY",
            "active": self.active,
            "tags": list(self.tags),
            "external_ids": {"sample": self.id},
        }


def catalogue(seed: int) -> list[Product]:
    """All products, category by category."""
    chance = dice(seed, "products")
    made: list[Product] = []
    for kind in KINDS:
        for (head, price), (tail, factor) in each(kind.heads, kind.tails):
            number = len(made) + 1
            # Shelf prices end in whole yuan, and mostly in eight.
            shelf = (Decimal(price) * Decimal(factor)).quantize(Decimal(1), ROUND_HALF_UP)
            cost = shelf * Decimal(chance.randint(36, 62)) / 100
            fragile = f"product-{number:03}" == FRAGILE
            tags = ("季节限定",) if "礼盒" in kind.category else ("易碎",) if kind.category == "茶具" else ()
            made.append(
                Product(
                    id=f"product-{number:03}",
                    sku=f"{kind.code}-{number:04}",
                    name=f"{head} {tail}",
                    category=kind.category,
                    price=shelf.quantize(CENT),
                    cost=cost.quantize(CENT, ROUND_HALF_UP),
                    active=fragile or chance.random() > 0.05,
                    tags=tags,
                )
            )
    return made
