"""The change of a pipeline in which deals stand: what becomes of its stages, and where the deals go."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.errors import InvalidInput, RuleBroken
from app.domain.pipelines.stages import Pipeline


@dataclass(frozen=True, slots=True)
class Difference:
    """What happened to the stages of a pipeline, by their keys."""

    gone: tuple[str, ...]
    turned: tuple[str, ...]
    """Stages that stay, as another kind: a deal that stands there would be won, lost or reopened by nobody."""
    added: tuple[str, ...]
    renamed: tuple[str, ...]
    reordered: bool
    """Whether those that stay come in another order."""

    @property
    def left(self) -> frozenset[str]:
        """The stages that no deal may go on standing in."""
        return frozenset((*self.gone, *self.turned))


def compare(before: Pipeline, after: Pipeline) -> Difference:
    """What is different between two definitions of one pipeline."""
    old, new = before.by_key(), after.by_key()
    staying = [key for key in old if key in new]
    return Difference(
        gone=tuple(key for key in old if key not in new),
        turned=tuple(key for key in staying if old[key].kind is not new[key].kind),
        added=tuple(key for key in new if key not in old),
        renamed=tuple(key for key in staying if old[key].name != new[key].name),
        reordered=staying != [key for key in new if key in old],
    )


def plan_change(
    before: Pipeline, after: Pipeline, standing: Mapping[str, int], goes: Mapping[str, str]
) -> dict[str, str]:
    """Where the deals of each stage that is left go: old key to new key, for stages in which deals stand.

    `standing` counts the deals by stage, closed and archived ones included, since they must stand somewhere, too.
    Raises RuleBroken with the stages that lack a place, and InvalidInput for a place that will not do.
    """
    left = compare(before, after).left
    for key, to in goes.items():
        _check_place(before, after, left, key, to)
    waiting = [
        stage.key
        for stage in before.stages
        if stage.key in left and standing.get(stage.key) and stage.key not in goes
    ]
    if waiting:
        named = ", ".join(before.stage(key).name for key in waiting)
        raise RuleBroken(
            "stages_in_use",
            f"Deals stand in stages that would be gone or of another kind: {named}; say where they go.",
            stages=waiting,
        )
    return {key: to for key, to in goes.items() if standing.get(key)}


def _check_place(before: Pipeline, after: Pipeline, left: frozenset[str], key: str, to: str) -> None:
    old, new = before.by_key().get(key), after.by_key().get(to)
    if old is None:
        raise InvalidInput(
            "mapping_from_outside", f"The pipeline {before.name} has no stage {key!r} that deals could leave."
        )
    if key not in left:
        raise InvalidInput(
            "mapping_not_needed", f"The stage {old.name} stays as it is, and so do its deals; leave it out."
        )
    if new is None:
        raise InvalidInput(
            "mapping_leads_outside",
            f"The deals of {old.name} cannot go to {to!r}, which is no stage of the changed pipeline.",
        )
    if new.kind is not old.kind:
        raise InvalidInput(
            "mapping_changes_kind",
            f"The deals of {old.name} are {old.kind} and cannot go to {new.name}, which is {new.kind}.",
        )
