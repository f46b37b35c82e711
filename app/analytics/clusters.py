"""Customers in groups that nobody named: k-means over the logarithms of recency, frequency, money and tenure.

Lloyd's algorithm (1982) from k-means++ beginnings (Arthur and Vassilvitskii, 2007), ten of them; the number of clusters
by the mean silhouette (Rousseeuw, 1987). Measures of customers are skewed, so their logarithms are taken, ln(1 + |x|)
with the sign of x, and standardised. The result depends neither on the order of the rows nor on the number of threads.

scikit-learn is loaded when it is needed: it takes more than a second and 100 MB, which every worker would pay at its start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

MEASURES = ("recency_days", "frequency", "monetary", "tenure_days")
NUMBERS = range(2, 9)
"""How many clusters are tried."""
BEGINNINGS = 10
FITTED = 50_000
"""Customers that the centres are found from at most; every customer is then put to the nearest centre."""
COMPARED = 5_000
"""Of those that are compared with each other for the silhouette, whose cost is the square of them."""
SEED = 20_111_209
WEAK = 0.25
"""Below it a silhouette speaks of no substantial structure (Kaufman and Rousseeuw, 1990, table 4)."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number of clusters that was tried; no silhouette where those compared are all in one."""

    k: int
    silhouette: float | None
    inertia: float
    """Sum of squared distances to the centres, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Model:
    """The chosen centres, the most spending first, and what customers are measured by before they are put to one."""

    mean: Floats
    deviation: Floats
    centres: Floats
    candidates: tuple[Candidate, ...]
    fitted: int
    compared: int

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return len(self.centres)


def fit(customers: Floats) -> Model | None:
    """Find clusters of customers, a row each with the columns of MEASURES; None for fewer than three different ones."""
    logs = _logs(customers)
    different = len(np.unique(logs, axis=0))
    if different < 3:
        return None
    logs = logs[np.lexsort(logs.T)]  # or another order would begin elsewhere
    chance = np.random.default_rng(SEED)
    if len(logs) > FITTED:
        logs = logs[np.sort(chance.choice(len(logs), FITTED, replace=False))]
    mean, deviation = logs.mean(axis=0), logs.std(axis=0)
    deviation[np.ptp(logs, axis=0) == 0] = 1.0  # rounding leaves a trace of deviation where there is none
    points = (logs - mean) / deviation
    compared = np.sort(chance.choice(len(points), min(COMPARED, len(points)), replace=False))
    with threadpool_limits(1):
        tried = [_tried(points, compared, k) for k in NUMBERS if k <= different]
    candidates = tuple(candidate for candidate, _ in tried)
    best = chosen(candidates)
    centres = next(centres for candidate, centres in tried if candidate is best)
    ordered = centres[np.argsort(-centres[:, MEASURES.index("monetary")], kind="stable")]
    return Model(mean, deviation, ordered, candidates, len(points), len(compared))


def assign(model: Model, customers: Floats) -> NDArray[np.uint8]:
    """The number of each customer's cluster, from 1."""
    points = (_logs(customers) - model.mean) / model.deviation
    if not len(points):
        return np.empty(0, np.uint8)
    from sklearn.metrics import pairwise_distances_argmin  # noqa: PLC0415 - see the module's docstring

    with threadpool_limits(1):
        nearest: NDArray[np.int64] = pairwise_distances_argmin(points, model.centres)
    return (nearest + 1).astype(np.uint8)


def chosen(candidates: Sequence[Candidate]) -> Candidate:
    """The one with the highest silhouette; of equal ones, that with the fewest clusters."""
    return max(candidates, key=lambda one: (-2.0 if one.silhouette is None else one.silhouette, -one.k))


def told(model: Model) -> dict[str, Any]:
    """How the choice came about, for people and programs."""
    best = chosen(model.candidates)
    return {
        "k": best.k,
        "why": _why(model, best),
        "candidates": [
            {"k": one.k, "silhouette": one.silhouette, "inertia": one.inertia} for one in model.candidates
        ],
        "fitted": model.fitted,
        "compared": model.compared,
        "seed": SEED,
    }


def _why(model: Model, best: Candidate) -> dict[str, str]:
    low, high = model.candidates[0].k, model.candidates[-1].k
    silhouette = "-" if best.silhouette is None else f"{best.silhouette:.3f}"
    english = (
        f"Of {low} to {high} clusters, {best.k} have the highest mean silhouette, {silhouette}, over"
        f" {model.compared:,} customers."
    )
    chinese = f"在 {low} 至 {high} 个聚类中，{best.k} 个的平均轮廓系数最高：{silhouette}（取 {model.compared:,} 位客户计算）。"
    if best.silhouette is None or best.silhouette < WEAK:
        english += f" Below {WEAK} there is no substantial structure: take them as a division, not as kinds of people."
        chinese += f"低于 {WEAK} 说明没有明显的群体结构：可作划分之用，不代表客户天然分成这几类。"
    return {"en": english, "zh": chinese}


def _logs(customers: Floats) -> Floats:
    logs: Floats = np.sign(customers) * np.log1p(np.abs(customers))
    return logs


def _tried(points: Floats, compared: NDArray[np.int64], k: int) -> tuple[Candidate, Floats]:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - see the module's docstring
    from sklearn.metrics import silhouette_score  # noqa: PLC0415

    found = KMeans(n_clusters=k, n_init=BEGINNINGS, random_state=SEED).fit(points)
    labels = found.labels_[compared]
    silhouette = None
    if 1 < len(np.unique(labels)) < len(labels):
        silhouette = round(float(silhouette_score(points[compared], labels)), 4)
    return Candidate(k, silhouette, round(float(found.inertia_), 4)), found.cluster_centers_
