"""Is it staff's alone? What is asked of the forum before every write. Whatever is not proved is refused.

The decisive question is put without a key: what a visitor is shown is no place for an alert. A page that is refused to
visitors may still be open to every member, so the category's restriction and its groups are looked at too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modassist.errors import AlertRefused, ForumRefused, MembersOnly, PageRefused
from modassist.forum.discourse import Forum
from modassist.forum.writer import AlertForum

STAFF_GROUP_IDS = frozenset({1, 2, 3})
"""Discourse's own groups: admins, moderators, staff. Their names are translated on some forums."""

CUSTOMER_GROUP_IDS = frozenset({0, 4, 5, *range(10, 15)})
"""Everyone, visitors, all who are logged in, and the trust levels: never staff, whatever the settings say."""

_STAFF_NAMES = frozenset({"admins", "moderators", "staff"})
_CUSTOMER_NAMES = frozenset({"everyone", "anonymous", "anonymous_users", "logged_in_users"})
_GONE = (403, 404, 410)


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read alerts: names of staff groups in lower case. `unverified`: the forum need not name the groups."""

    groups: frozenset[str]
    unverified: bool = False

    def has(self, name: str) -> bool:
        key = name.casefold()
        is_customers = key in _CUSTOMER_NAMES or key.startswith("trust_level_")
        return not is_customers and (key in self.groups or key in _STAFF_NAMES)


@dataclass(frozen=True, slots=True)
class StaffOnly:
    """Looks at targets: as a `visitor` without a key, and with the `keyed` client of the alerts."""

    visitor: Forum
    keyed: AlertForum
    readers: Readers

    def topic(self, topic_id: int, category_id: int) -> str:
        """A topic in this category that only staff reads. Returns what was seen."""
        where = f"topic {topic_id}"
        self._hidden(where, lambda: self.visitor._get(f"/t/{int(topic_id)}.json"))
        found = _seen(where, lambda: self.keyed.raw_topic(topic_id))
        if found.get("archetype") != "regular" or found.get("deleted_at") is not None:
            raise AlertRefused(f"{where} is no living ordinary topic", "set alerts.topic_id anew")
        if found.get("category_id") != category_id:
            raise AlertRefused(
                f"{where} lies in category {found.get('category_id')}, not in {category_id}",
                "somebody moved it, or alerts.category_id is wrong",
            )
        if found.get("closed") or found.get("archived"):
            raise AlertRefused(f"{where} is closed or archived", "open it, or set alerts.topic_id anew")
        return f"{where}: {self.category(category_id)}"

    def category(self, category_id: int) -> str:
        """A category that only staff reads. Returns what was seen."""
        where = f"category {category_id}"
        self._hidden(where, lambda: self.visitor._get(f"/c/{int(category_id)}/show.json"))
        found = _seen(where, lambda: self.keyed.category(category_id))
        if found.get("read_restricted") is not True:
            raise AlertRefused(f"{where} is not restricted: everyone may read it", "close it to all but staff")
        rows = found.get("group_permissions")
        groups = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return self._groups(where, groups)

    def _groups(self, where: str, groups: Iterable[Mapping[str, Any]]) -> str:
        listed = list(groups)
        if not listed and self.readers.unverified:
            return f"{where} is restricted; the forum does not say to whom (alerts.unverified_groups)"
        if not listed:
            raise AlertRefused(
                f"{where} is restricted, but the forum does not tell this key to which groups",
                "give the account the right to edit that category, or vouch for it with alerts.unverified_groups",
            )
        others = [str(row.get("group_name")) for row in listed if not self._is_staff(row)]
        if others:
            raise AlertRefused(
                f"{where} is open to {', '.join(sorted(others))}",
                "close it to them, or name groups of staff in alerts.reader_groups",
            )
        return f"{where} is open to {', '.join(sorted(str(row.get('group_name')) for row in listed))} alone"

    def _is_staff(self, row: Mapping[str, Any]) -> bool:
        key = row.get("group_id")
        if key in CUSTOMER_GROUP_IDS:
            return False
        return key in STAFF_GROUP_IDS or self.readers.has(str(row.get("group_name") or ""))

    def group(self, name: str) -> str:
        """A group of staff that can be written to. Returns what was seen."""
        where = f"group {name}"
        if "@" in name or "," in name or not name.strip():
            raise AlertRefused(f"{name!r} is no name of a group", "alerts go to groups, never to mail addresses")
        if not self.readers.has(name):
            raise AlertRefused(f"{where} is no group of staff", "name it in forum.staff_groups or alerts.reader_groups")
        found = _seen(where, lambda: self.keyed.group(name))
        if str(found.get("name") or "").casefold() != name.casefold() or found.get("id") in CUSTOMER_GROUP_IDS:
            raise AlertRefused(f"{where} is another group on the forum: {found.get('name')}", "check alerts.group")
        if found.get("public_admission") is True:
            raise AlertRefused(f"{where} can be joined by anybody", "switch free admission off for that group")
        if found.get("messageable") is False:
            # Discourse would take the name for a user's.
            raise AlertRefused(f"{where} takes no messages from this account", "allow it in the group's settings")
        return f"{where} takes messages, and nobody can join it freely"

    def colleague(self, username: str) -> None:
        """Somebody who is staff by the forum's word or is in one of the readers' groups."""
        key = username.casefold()
        if not username or "@" in username or "," in username:
            raise AlertRefused("the author of the reply has no name on the forum", is_final=True)
        if key not in self._staff_names():
            raise AlertRefused("the author of the reply is not known to the forum as staff", is_final=True)

    def _staff_names(self) -> set[str]:
        about = self.keyed.about()
        rows = [row for part in ("admins", "moderators") for row in about.get(part) or [] if isinstance(row, dict)]
        names = {str(row.get("username") or "").casefold() for row in rows}
        for group in sorted(self.readers.groups):
            if self.readers.has(group):
                names.update(name.casefold() for name in self._members(group))
        return names

    def _members(self, group: str) -> tuple[str, ...]:
        try:
            return self.keyed.group_members(group)
        except PageRefused:
            return ()

    def message(self, topic_id: int, allowed: frozenset[str]) -> str:
        """A private message that no visitor can read, and that nobody is in but these users and groups (in lower case)."""
        where = f"message {topic_id}"
        self._hidden(where, lambda: self.visitor._get(f"/t/{int(topic_id)}.json"))
        found = _seen(where, lambda: self.keyed.raw_topic(topic_id))
        if found.get("archetype") != "private_message":
            raise AlertRefused(f"{where} is no private message")
        details = found.get("details")
        listed = details if isinstance(details, dict) else {}
        names = {
            str(row.get(field) or "").casefold()
            for part, field in (("allowed_users", "username"), ("allowed_groups", "name"))
            for row in listed.get(part) or ()
            if isinstance(row, dict)
        }
        if names - allowed:
            raise AlertRefused(f"{where} is read by others too: {', '.join(sorted(names - allowed))}")
        return where

    def post(self, post_id: int) -> None:
        """A post that no visitor can read."""
        self._hidden(f"post {post_id}", lambda: self.visitor._get(f"/posts/{int(post_id)}.json"))

    def _hidden(self, where: str, ask: Callable[[], Any]) -> None:
        """Refused unless the forum itself keeps this from visitors. A bot wall proves nothing: it refuses everything."""
        try:
            ask()
        except MembersOnly:
            return
        except PageRefused as fault:
            if fault.status in _GONE:
                return
            raise AlertRefused(f"{where}: what visitors see is unclear: {fault.message}", fault.hint) from fault
        except ForumRefused as fault:
            raise AlertRefused(f"{where}: what visitors see is unclear: {fault.message}", fault.hint) from fault
        raise AlertRefused(f"{where} can be read by everyone without an account", "alerts go where only staff reads")


def _seen(where: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the alerts' key is shown. It has to be allowed to look, or nothing is proved."""
    try:
        return ask()
    except ForumRefused as fault:
        hint = "the key of the alerts must be allowed to read it: scopes topics:read and categories:show"
        raise AlertRefused(f"{where} cannot be looked at: {fault.message}", hint) from fault
