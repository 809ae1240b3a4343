"""Alerts by Apprise: mail to a local server, hooks to a local receiver. Mail goes to the team's own domains alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

pytest.importorskip("apprise", reason="the extra `apprise` is not installed")

from alerted import DISMISSAL, bench, complaint, nasty
from modassist.alerts.layouts import Layout
from modassist.channels.apprise_urls import AppriseUrl, apprise_channels
from modassist.errors import AlertRefused, AlertUnclear, ConfigError
from modassist.store.outbox import Outbox
from receivers import HookReceiver, MailServer, receiving
from test_alert_texts import assert_harmless

THREAD = complaint(208, ("mod_anna", DISMISSAL))
NASTY = nasty(208)
OWN = ("example.com",)


def mailto(server: MailServer, more: str = "to=team@example.com") -> str:
    return f"mailto://127.0.0.1:{server.port}?mode=insecure&from=bot@example.com&{more}"


def channel(url: str, *domains: str) -> AppriseUrl:
    (made,) = apprise_channels([url], domains)
    return made


def test_a_mail_reaches_the_team_with_one_link_and_no_markup_of_customers(tmp_path: Path, mail: MailServer) -> None:
    with bench(tmp_path, NASTY, topic_id=0, urls=(mailto(mail),), mail_domains=OWN) as made:
        assert len(made.alert().sent) == 1
        ((recipients, message),) = mail.arrived
    assert recipients == ["team@example.com"]
    assert "＠all" in str(message["Subject"])
    html = message.get_body(("html",))
    assert html is not None
    body = html.get_content().replace("\r\n", "\n")
    assert body.count(f'href="{made.server.url}/t/208"') == 1
    assert_harmless(body[body.index("<div lang") : body.rindex("</div>") + 6].replace(made.server.url, "https://forum.example.com"), Layout.MAIL)  # fmt: skip


def test_a_hook_gets_a_few_plain_lines(tmp_path: Path, hook: HookReceiver) -> None:
    with bench(tmp_path, NASTY, topic_id=0, urls=(f"json://127.0.0.1:{hook.port}/x",)) as made:
        assert len(made.alert().sent) == 1
        (body,) = hook.arrived
        text = json.loads(body)["message"]
    assert f"`{made.server.url}/t/208`" in text
    assert_harmless(text.replace(made.server.url, "https://forum.example.com"), Layout.CHAT)


@pytest.mark.parametrize(
    "more",
    [
        "to=boss@outside.org",
        "to=team@example.com,boss@outside.org",
        "to=team@example.com&cc=boss@outside.org",
        "to=team@example.com&bcc=boss@outside.org",
        "to=boss%40outside.org",
        "to=boss%2540outside.org",
        "to=Boss <boss@outside.org>",
        "to=team@example.com&reply=boss@outside.org",
        "to=team@example.com.outside.org",
    ],
)
def test_a_mail_address_outside_is_refused(tmp_path: Path, mail: MailServer, more: str) -> None:
    with bench(tmp_path, THREAD, topic_id=0, urls=(mailto(mail, more),), mail_domains=OWN) as made:
        ((_, _, why),) = made.alert().failed
    assert "outside.org" in why
    assert "127.0.0.1" not in why
    assert mail.arrived == []


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("mailto://user:pass@outside.org", "outside.org"),
        ("mailtos://user:pass@example.com/boss@outside.org", "outside.org"),
        ("sendgrid://SG.abcdefgh:bot@example.com/boss@outside.org", "outside.org"),
    ],
)
def test_recipients_count_wherever_an_address_names_them(url: str, domain: str) -> None:
    with pytest.raises(AlertRefused, match=domain):
        channel(url, *OWN).check()


def test_no_domain_is_ones_own_unless_the_settings_say_so(mail: MailServer) -> None:
    with pytest.raises(AlertRefused, match="not among your own domains"):
        channel(mailto(mail)).check()
    assert channel(mailto(mail), "EXAMPLE.com").check() == "mail to example.com alone"


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_hook_that_says_no_is_tried_again(tmp_path: Path, hook: HookReceiver, status: int) -> None:
    hook.status = status
    with bench(tmp_path, THREAD, topic_id=0, urls=(f"json://127.0.0.1:{hook.port}/x",)) as made:
        assert "did not take the message" in made.alert().failed[0][2]
        hook.status = 200
        made.later(minutes=5)
        assert len(made.alert().sent) == 1
        assert len(hook.arrived) == 1


def test_a_hook_that_is_not_there_is_tried_again() -> None:
    with receiving(HookReceiver) as gone:
        url = f"json://127.0.0.1:{gone.port}/x"
    with pytest.raises(AlertRefused, match="could not be reached"):
        channel(url).deliver(_message())


def test_a_mail_that_is_refused_is_tried_again(mail: MailServer) -> None:
    mail.mode = "refuse"
    with pytest.raises(AlertRefused, match="did not take the message"):
        channel(mailto(mail), *OWN).deliver(_message())


@pytest.mark.parametrize(("setting", "count"), [("hold", 1), ("resend", 2)])
def test_a_mail_without_an_answer_is_held_or_sent_again_as_the_setting_says(
    tmp_path: Path, mail: MailServer, setting: str, count: int
) -> None:
    mail.mode = "hang up"
    options = {"topic_id": 0, "urls": (mailto(mail),), "mail_domains": OWN, "after_crash": setting}
    with bench(tmp_path, THREAD, **options) as made:
        assert "may have arrived" in made.alert().failed[0][2]
        mail.mode = "take"
        made.later(minutes=10)
        report = made.alert()
        assert len(mail.arrived) == count
        assert len(report.held) == (setting == "hold")
        assert set(Outbox(made.store).counts()) == {"held" if setting == "hold" else "sent"}


def test_a_hook_that_hangs_up_may_have_taken_the_message(hook: HookReceiver) -> None:
    hook.status = 0
    with pytest.raises(AlertUnclear):
        channel(f"json://127.0.0.1:{hook.port}/x").deliver(_message())
    assert len(hook.arrived) == 1


def test_an_address_is_shown_nowhere(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with receiving(HookReceiver) as gone:
        url = f"json://someuser:topsecret@127.0.0.1:{gone.port}/token123"
    made = channel(url)
    with caplog.at_level(logging.DEBUG), pytest.raises(AlertRefused) as caught:
        made.deliver(_message())
    shown = "\n".join((str(caught.value), caplog.text, *capfd.readouterr(), repr(made), made.name, made.check()))
    assert not [secret for secret in ("topsecret", "token123", "someuser") if secret in shown]


def test_each_address_has_a_name_of_its_own_that_does_not_change() -> None:
    urls = ["json://127.0.0.1/a", "json://127.0.0.1/b", "json://127.0.0.1/a"]
    names = [made.name for made in apprise_channels(urls, ())]
    assert len(set(names)) == len(names) == 2
    assert names == [made.name for made in apprise_channels(urls, OWN)]
    assert all(name.startswith("json-") for name in names)


def test_what_is_no_address_is_named_by_its_number_alone() -> None:
    with pytest.raises(ConfigError, match="number 2 is no address") as caught:
        apprise_channels(["json://127.0.0.1/a", "topsecret"], ())
    assert "topsecret" not in str(caught.value)
    with pytest.raises(AlertRefused, match="is no address that Apprise knows"):
        channel("nosuchthing://topsecret").check()


def _message():  # type: ignore[no-untyped-def]
    from modassist.alerts.layouts import Message

    return Message("A title", "A body that is long enough.", "MA-ABCDEFGHIJ")
