"""Who may hand out what: nobody gives, to others or to themselves, more than they have."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from uuid import UUID

from app.domain.access import EVERYTHING, WIDTH, Actor, Fields, Grant, Scope, Sight
from app.domain.errors import Forbidden, InvalidInput

_NO_NAMES: frozenset[str] = frozenset()


def _fields_beyond(own: Fields, wanted: Fields, verb: str) -> Iterable[str]:
    if EVERYTHING in own.get(EVERYTHING, _NO_NAMES):
        return
    for noun, names in wanted.items():
        mine = own.get(noun, _NO_NAMES)
        if EVERYTHING in mine and noun != EVERYTHING:
            continue
        for name in names - mine:
            # Reading "custom" is reading every custom field; writing names each.
            if not (verb == "read" and name.startswith("custom.") and "custom" in mine):
                yield f"{verb} {noun}.{name}"


def beyond(own: Grant, wanted: Grant) -> list[str]:
    """What the wanted grant opens and one's own does not; empty when it is covered."""
    over: list[str] = []
    if EVERYTHING not in own.scopes:
        over += wanted.scopes - own.scopes
    over += [
        f"sight {noun}: {sight}"
        for noun, sight in wanted.sight.items()
        if WIDTH[sight] > WIDTH[own.sight_of(noun)]
    ]
    over += _fields_beyond(own.read, wanted.read, "read")
    over += _fields_beyond(own.write, wanted.write, "write")
    return sorted(over)


def must_cover(actor: Actor, wanted: Grant, what: str) -> None:
    """Raise Forbidden when something would be given, or somebody changed, that has more than the actor."""
    over = beyond(actor.grant, wanted)
    if over:
        raise Forbidden(
            "beyond_own",
            f"{what} has more access than you have ({', '.join(over[:5])}), so you cannot give or change it.",
            beyond=over[:100],
        )


def key_scopes(wanted: Set[str], user: Grant) -> frozenset[str]:
    """The scopes that a key with these wishes has through its user. Raises Forbidden for a wish beyond the user."""
    if EVERYTHING in wanted:
        return user.scopes
    if EVERYTHING not in user.scopes and (over := sorted(wanted - user.scopes)):
        raise Forbidden(
            "beyond_user",
            f"The key's user does not have {', '.join(over[:5])}, and a key has at most what its user has.",
            beyond=over,
        )
    return frozenset(wanted)


def narrowed(grant: Grant, scopes: frozenset[str]) -> Grant:
    """What a key with these scopes opens of what its user has now."""
    if EVERYTHING in scopes:
        return grant
    kept = scopes if EVERYTHING in grant.scopes else scopes & grant.scopes
    return replace(grant, scopes=kept)


def known_scopes(wanted: Iterable[str]) -> list[str]:
    """The scopes, sorted and once each. Raises InvalidInput for one that does not exist."""
    for scope in wanted:
        if scope != EVERYTHING and scope not in set(Scope):
            raise InvalidInput(
                "scope_unknown",
                f"There is no scope {scope!r}; there are {', '.join(Scope)}, and *.",
                field="scopes",
            )
    return sorted(set(wanted))


def known_fields(
    wanted: Mapping[str, Iterable[str]], fields: Mapping[str, Set[str]], side: str
) -> dict[str, list[str]]:
    """Fields by noun, sorted and once each. Raises InvalidInput for a noun or a field that does not exist."""
    found: dict[str, list[str]] = {}
    for noun, names in wanted.items():
        if noun == EVERYTHING:
            allowed: Set[str] = frozenset()
        elif noun in fields:
            allowed = fields[noun]
        else:
            raise unknown_noun(noun, fields, side)
        for name in names:
            if name != EVERYTHING and name not in allowed:
                verb = "read" if side == "read" else "changed"
                raise InvalidInput(
                    "field_unknown", f"{noun} has no field {name!r} that can be {verb}.", field=side
                )
        found[noun] = sorted(set(names))
    return found


def unknown_noun(noun: str, nouns: Iterable[str], side: str) -> InvalidInput:
    """The refusal of a word that is no noun."""
    return InvalidInput(
        "noun_unknown", f"There is no noun {noun!r}; there are {', '.join(nouns)}.", field=side
    )


def must_place(
    actor: Actor,
    owned: Iterable[str],
    mine: Set[UUID],
    *,
    before: UUID | None,
    after: UUID | None,
    new: bool = False,
) -> None:
    """Raise Forbidden when a move in the tree of teams would let somebody see what the actor does not see.

    A team opens its people's records to those above. So, unless one sees everybody's, one moves only within one's own
    team and the teams below it.
    """
    if all(actor.owners(noun) is None for noun in owned):
        return
    leaves_mine = new or before in mine
    if before == after or (leaves_mine and (after is None or after in mine)):
        return
    raise Forbidden(
        "beyond_own",
        "This move changes whose records are seen beyond your own team, and you do not see everybody's.",
        beyond=["sight"],
    )


def must_reach(actor: Actor, owned: Iterable[str], mine: Set[UUID], *, user: UUID, team: UUID | None) -> None:
    """Raise Forbidden when whoever acts as the user would see records that the actor does not see.

    A password, a key, an address or a role makes one act as a user or lets them act, and everybody sees at least
    their own records. `mine` are the actor's team and the teams below it, `team` is the user's.
    """
    if user == actor.user_id:
        return
    match min((actor.grant.sight_of(noun) for noun in owned), key=WIDTH.__getitem__):
        case Sight.ALL:
            return
        case Sight.TEAM if team in mine:
            return
    raise Forbidden(
        "beyond_own",
        "This reaches somebody whose records you do not see, so you cannot change their access or act for them.",
        beyond=["sight"],
    )
