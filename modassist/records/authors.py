"""Who speaks: the role of a post's author, from the forum's flags and the settings.

Facts about the flags: Discourse's post serializer. `staff`, `admin` and `moderator` are the author's rights on the day
of reading, not on the day of the post; group membership is visible in a post for the primary group only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from modassist.model import PostKind, Role, Staff

SYSTEM_USERS = frozenset({"system", "discobot"})
"""Accounts that every Discourse forum has and nobody speaks through."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The settings of `Staff`, folded for look-up."""

    names: frozenset[str]
    groups: frozenset[str]
    silent: frozenset[str]
    main_accounts: Mapping[str, str]
    group_moderators: bool


@lru_cache(maxsize=16)
def roster(staff: Staff) -> Roster:
    """The same settings in the form that `role_of` looks up."""
    return Roster(
        names=_folded(staff.usernames | staff.members),
        groups=_folded(staff.groups),
        silent=_folded(staff.ignored) | SYSTEM_USERS,
        main_accounts={other.casefold(): main for other, main in staff.aliases},
        group_moderators=staff.group_moderators,
    )


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


def staff_of_topic(data: Mapping[str, Any], roster: Roster) -> frozenset[str]:
    """Folded names that this topic itself shows to be staff: by its posts' flags and by its list of participants.

    Needed where a name stands without flags: a person's second account, and who accepted an answer.
    """
    details = data.get("details")
    people = details.get("participants") if isinstance(details, dict) else None
    known = [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    return frozenset(
        name.casefold()
        for person in known
        if isinstance(name := person.get("username"), str) and _is_flagged(person, roster)
    )


def _is_flagged(author: Mapping[str, Any], roster: Roster) -> bool:
    if author.get("staff") is True or author.get("moderator") is True or author.get("admin") is True:
        return True
    if roster.group_moderators and author.get("group_moderator") is True:
        return True
    group = author.get("primary_group_name")
    return bool(roster.groups) and isinstance(group, str) and group.casefold() in roster.groups


def role_of(post: Mapping[str, Any], author: str, kind: PostKind, roster: Roster, here: frozenset[str]) -> Role:
    """The role in which this post speaks. `author` is the main account, `here` are staff known from the topic."""
    if kind is PostKind.SMALL_ACTION or post.get("is_auto_generated") is True or post.get("hidden") is True:
        return Role.AUTOMATIC
    name, user_id = author.casefold(), post.get("user_id")
    if name in roster.silent or (isinstance(user_id, int) and user_id < 0):
        return Role.AUTOMATIC
    if kind is PostKind.STAFF_COLOUR or name in roster.names or name in here or _is_flagged(post, roster):
        return Role.STAFF
    return Role.CUSTOMER
