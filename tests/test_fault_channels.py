"""The bot with mail and web hooks that misbehave: what arrives, how often, and what waits for a person."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("apprise", reason="the extra `apprise` is not installed")

from alerted import Bench, bench, complaint
from botbench import World, world
from forum import fault
from modassist.bot.health import Trouble
from modassist.config.kinds import times
from modassist.forum.practice.exchange import DROPPED
from modassist.store.outbox import Outbox
from receivers import MAIL_STEPS, HookReceiver, MailServer, receiving


def mailing(server: MailServer, **more: Any) -> dict[str, Any]:
    url = f"mailto://127.0.0.1:{server.port}?mode=insecure&from=bot@example.com&to=team@example.com"
    return {"topic_id": 0, "urls": (url,), "mail_domains": ("example.com",)} | more


def hooking(server: HookReceiver, **more: Any) -> dict[str, Any]:
    return {"topic_id": 0, "urls": (f"json://127.0.0.1:{server.port}/x",)} | more


def recover(place: World) -> None:
    for hours in (0.2, 0.2, 0.2, 1, 1, 3, 6, 6):
        place.tick(after=timedelta(hours=hours))


def test_a_mail_server_that_refuses_gets_the_mail_later_and_once(tmp_path: Path, mail: MailServer) -> None:
    with world(tmp_path, complaint(200), alerts=mailing(mail)) as place:
        mail.mode = "refuse"
        place.ticks(2)
        assert not mail.arrived
        mail.mode = "take"
        recover(place)
        assert len(mail.arrived) == 1


@pytest.mark.parametrize(("after_crash", "arrived", "held"), [("hold", 1, 1), ("resend", 2, 0)])
def test_a_mail_server_that_hangs_up_is_asked_again_only_if_that_was_chosen(
    tmp_path: Path, mail: MailServer, after_crash: str, arrived: int, held: int
) -> None:
    with world(tmp_path, complaint(200), alerts=mailing(mail, after_crash=after_crash)) as place:
        mail.mode = "hang up"
        place.tick()
        mail.mode = "take"
        recover(place)
        alerts = [message for _, message in mail.arrived if "part 200" in str(message["Subject"])]
        assert (len(alerts), place.store.undelivered()) == (arrived, held)


@pytest.mark.parametrize("status", [429, 500, 503, 404])
def test_a_hook_that_says_no_gets_it_later_and_once(tmp_path: Path, hook: HookReceiver, status: int) -> None:
    with world(tmp_path, complaint(200), alerts=hooking(hook)) as place:
        hook.status = status
        place.ticks(2)
        hook.status = 200
        recover(place)
        assert sum(b"part 200" in body for body in hook.arrived) == 1


@pytest.mark.parametrize(("after_crash", "arrived", "held"), [("hold", 1, 1), ("resend", 2, 0)])
def test_a_hook_that_hangs_up_is_asked_again_only_if_that_was_chosen(
    tmp_path: Path, hook: HookReceiver, after_crash: str, arrived: int, held: int
) -> None:
    with world(tmp_path, complaint(200), alerts=hooking(hook, after_crash=after_crash)) as place:
        hook.status = 0
        place.tick()
        hook.status = 200
        recover(place)
        assert sum(b"part 200" in body for body in hook.arrived) == arrived
        assert place.store.undelivered() == held


# -- each fault at each step -----------------------------------------------------------------------------------------


def tried(made: Bench) -> None:
    """Runs of alerts until all that is tried again by itself has been."""
    for _ in range(4):
        made.later(hours=1)
        made.alert()


@pytest.mark.parametrize("step", MAIL_STEPS)
def test_a_mail_that_is_refused_at_any_step_comes_later_and_once(tmp_path: Path, mail: MailServer, step: str) -> None:
    with bench(tmp_path, complaint(200), **mailing(mail)) as made:
        mail.mode, mail.at = "refuse", step
        assert len(made.alert().failed) == 1
        mail.mode = "take"
        tried(made)
        assert len(mail.arrived) == 1
        assert Outbox(made.store).counts() == {"sent": 1}


@pytest.mark.parametrize("mode", ["hang up", "stall"])
@pytest.mark.parametrize("step", MAIL_STEPS)
def test_a_mail_server_that_falls_silent_at_any_step_never_makes_two_mails_of_one(
    tmp_path: Path, mail: MailServer, step: str, mode: str
) -> None:
    """Nobody can ask it. What may have arrived waits for a person, who sends it again where it did not."""
    url = f"mailto://127.0.0.1:{mail.port}?mode=insecure&from=bot@example.com&to=team@example.com&cto=0.2"
    with bench(tmp_path, complaint(200), **mailing(mail, urls=(url,))) as made:
        mail.mode, mail.at = mode, step
        assert len(made.alert().failed) == 1
        mail.mode = "take"
        tried(made)
        held = Outbox(made.store).waiting_for_a_person()
        assert len(mail.arrived) + len(held) - (step == "text") == 1
        for entry in held:
            if not mail.arrived:
                made.alert(retry=entry.id)
        assert len(mail.arrived) == 1


@pytest.mark.parametrize("status", [302, 303, 307, 308])
def test_a_hook_that_points_elsewhere_is_not_followed(tmp_path: Path, hook: HookReceiver, status: int) -> None:
    """The other host would get the words; and what a redirected hook did with them nobody knows."""
    with receiving(HookReceiver) as elsewhere, bench(tmp_path, complaint(200), **hooking(hook)) as made:
        hook.status, hook.location = status, f"http://localhost:{elsewhere.port}/x"
        made.alert()
        tried(made)
        assert (elsewhere.asked, hook.asked) == (0, 1)
        assert len(Outbox(made.store).waiting_for_a_person()) == 1


def test_a_hook_that_does_not_answer_is_held(tmp_path: Path, hook: HookReceiver) -> None:
    url = f"json://127.0.0.1:{hook.port}/x?rto=0.2"
    with bench(tmp_path, complaint(200), **hooking(hook, urls=(url,))) as made:
        hook.status = -1
        assert "may have arrived" in made.alert().failed[0][2]
        hook.status = 200
        tried(made)
        assert len(hook.arrived) == 1
        assert len(Outbox(made.store).waiting_for_a_person()) == 1


# -- the bot ---------------------------------------------------------------------------------------------------------


def test_a_forum_that_is_down_is_told_by_mail_at_once_and_its_end_too(tmp_path: Path, mail: MailServer) -> None:
    with world(tmp_path, complaint(200), alerts=mailing(mail)) as place:
        place.tick()
        place.server.faults.append(fault(DROPPED, times=None))
        place.ticks(8)
        subjects = [str(message["Subject"]) for _, message in mail.arrived]
        assert sum("cannot reach the forum" in subject for subject in subjects) == 1
        assert len(subjects) == 2
        place.server.faults.clear()
        place.ticks(3)
        assert "well again" in str(mail.arrived[-1][1]["Subject"])
        assert len(mail.arrived) == 3


def test_a_mail_server_that_is_down_is_told_on_the_forum(tmp_path: Path, mail: MailServer) -> None:
    with world(tmp_path, complaint(200), alerts=mailing(mail) | {"topic_id": 777}) as place:
        mail.mode = "refuse"
        for _ in range(9):
            report = place.tick(after=timedelta(hours=1))
        assert Trouble.ALERTS in report.met
        assert sum("does not get its alerts out" in text for text in place.posted()) == 1
        mail.mode = "take"
        recover(place)
        recover(place)
        assert sum("well again" in text for text in place.posted()) == 1


def test_a_digest_comes_by_mail(tmp_path: Path, mail: MailServer) -> None:
    settings = {"run": {"weekly_digest": times("Mon 10:00"), "every_minutes": 60}, "alerts": mailing(mail)}
    with world(tmp_path, complaint(200), **settings) as place:
        place.run_for(timedelta(hours=4))
        subjects = [str(message["Subject"]) for _, message in mail.arrived]
        assert "The week's digest: 1 thread needs somebody" in subjects
        assert len(subjects) == 2
