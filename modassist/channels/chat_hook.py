"""Discourse's chat, by an incoming hook. Who reads that chat cannot be seen from outside: a person has to vouch for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modassist.alerts.layouts import Layout, Message
from modassist.errors import AlertRefused, AlertUnclear
from modassist.forum.writer import AlertForum


@dataclass(frozen=True, slots=True, repr=False)
class ChatHook:
    """One chat channel, through its hook; the hook's key is a secret."""

    keyed: AlertForum
    hook: str
    vouched: bool
    name: str = "chat"
    kind: str = "chat"
    layout: Layout = Layout.CHAT
    target: str = ""
    can_be_asked: bool = False

    def check(self) -> str:
        if not self.vouched:
            raise AlertRefused(
                "the hook does not tell who reads that chat",
                "look into the chat channel, and set alerts.chat_is_internal = true if only staff is in it",
            )
        return "who reads the chat cannot be seen from here; alerts.chat_is_internal vouches for it"

    def deliver(self, message: Message) -> str:
        self.check()
        self.keyed.chat(self.hook, message.body)
        return "chat"

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        raise AlertUnclear("a chat hook cannot be asked what it brought")
