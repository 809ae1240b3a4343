"""Messages from threads as they stand now: nothing of a message is stored before it is sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from modassist.alerts.bot_notice import DIRECT, digest_notice, health_notice, troubles
from modassist.alerts.layouts import Layout, Message, laid_out
from modassist.alerts.notice import Notice, Writer
from modassist.alerts.outbox import Entry
from modassist.alerts.rules import OF_THE_BOT, AlertRules, Kind
from modassist.alerts.situation import last_customer_post
from modassist.digest.wording import Wording
from modassist.errors import ModassistError, RuleError
from modassist.judging.analysis import to_record
from modassist.pipeline import Desk
from modassist.store.outbox import Outbox
from modassist.store.store import ThreadKey

log = logging.getLogger("modassist.alerts")


class Composed(NamedTuple):
    """A message, for a first look the reply's author, and the threads it leaves out as they do not need it any more."""

    message: Message
    author: str = ""
    left_out: tuple[ThreadKey, ...] = ()


class Composer:
    """Words a message in the outbox, or says that nobody needs it any more."""

    def __init__(self, desk: Desk, rules: AlertRules) -> None:
        settings = desk.settings
        wording = Wording(settings.language, settings.timezone, bool(settings.waiting.business_hours))
        self.desk, self.rules = desk, rules
        self._wording = wording
        self._writer = Writer(wording, settings.privacy.names)

    def compose(self, entry: Entry, layout: Layout) -> Composed | None:
        """The message; None where no thread of it needs it any more."""
        if entry.kind in OF_THE_BOT:
            return self._of_the_bot(entry, layout)
        keys = [ThreadKey(*key) for key in entry.threads]
        records = {key: record for key in keys if (record := self._record(key)) is not None}
        wanted = {key: record for key, record in records.items() if self._is_wanted(entry, record)}
        if not wanted:
            return None
        chosen = list(wanted.values())
        message = laid_out(self._notice(entry, chosen), layout, entry.reference)
        left_out = tuple(key for key in keys if key not in wanted)
        return Composed(message, _author_of(chosen[0], entry.post_number), left_out)

    def _of_the_bot(self, entry: Entry, layout: Layout) -> Composed | None:
        """A word about the bot itself; None where the trouble is over, or its end is news to nobody."""
        occasion = "/".join(entry.reasons[:2])
        if entry.kind is Kind.TROUBLE and occasion not in troubles(self.desk.store.notes()):
            return None
        is_over = entry.kind is Kind.WELL
        if is_over and DIRECT not in entry.reasons and not self._was_told(entry.channel, occasion):
            return None
        notice = health_notice(self._wording, entry.reasons, entry.reference, is_over=is_over)
        return Composed(laid_out(notice, layout, entry.reference))

    def _was_told(self, channel: str, occasion: str) -> bool:
        return Outbox(self.desk.store).may_have_arrived(channel, Kind.TROUBLE, occasion)

    def _notice(self, entry: Entry, records: list[dict[str, Any]]) -> Notice:
        if entry.kind is Kind.GATHERED:
            return self._writer.gathered(records, reference=entry.reference)
        if entry.kind is Kind.DIGEST:
            lost = Outbox(self.desk.store).waiting_for_a_person()
            return digest_notice(self._writer, records, entry.reference, entry.reasons, undelivered=lost)
        return self._writer.notice(
            entry.kind,
            records[0],
            reference=entry.reference,
            reasons=entry.reasons,
            post_number=entry.post_number,
            first_look=self.rules.first_look,
        )

    def _record(self, key: ThreadKey) -> dict[str, Any] | None:
        """The thread judged now, with its texts; None where it is gone or cannot be read. Raises RuleError."""
        if self.desk.store.is_gone(key):
            return None
        try:
            found = self.desk.analyse(key)
        except RuleError:
            raise
        except ModassistError as fault:
            log.info("thread %s: %s", key.topic_id, fault)
            return None
        more = {"source": key.source, "category_id": found.judgement.thread.category_id}
        return to_record(found, with_text=True) | more

    def _is_wanted(self, entry: Entry, record: Mapping[str, Any]) -> bool:
        if entry.kind is Kind.RESOLVED:
            return record["escalation"] is None
        if record["escalation"] is None:
            return False
        mark = self.desk.store.mark(ThreadKey(record["source"], record["topic_id"]))
        if mark.silences(self.desk.now, last_customer_post(record)):
            return False
        return entry.kind is not Kind.FIRST_LOOK or bool(_author_of(record, entry.post_number))


def _author_of(record: Mapping[str, Any], number: int | None) -> str:
    """Who wrote this flagged reply; nobody where it is flagged no more."""
    posts = (post for post in record["posts"] if post["post_number"] == number and post.get("flagged"))
    return next((str(post.get("username") or "") for post in posts), "")
