"""Waiting time by the clock, by business hours and without holidays."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from modassist.judging.worktime import elapsed, hours, reached
from modassist.model import Limits

OFFICE = Limits(
    timezone="Europe/Berlin",
    business_hours=((540, 1020),) * 5 + ((0, 0),) * 2,
    holidays="DE",
)
FRIDAY_4PM = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)  # 16:00 in Berlin
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda t: t.replace(tzinfo=UTC))


def test_without_settings_every_hour_counts() -> None:
    assert elapsed(FRIDAY_4PM, FRIDAY_4PM + timedelta(days=2), Limits()) == timedelta(days=2)


def test_a_weekend_does_not_count_in_business_hours() -> None:
    monday_10am = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    assert elapsed(FRIDAY_4PM, monday_10am, OFFICE) == timedelta(hours=2)


def test_a_public_holiday_does_not_count() -> None:
    before_easter = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)  # Maundy Thursday, 17:00 in Berlin
    tuesday_after = datetime(2026, 4, 7, 8, 0, tzinfo=UTC)  # 10:00; Good Friday and Easter Monday lie between
    assert elapsed(before_easter, tuesday_after, OFFICE) == timedelta(hours=1)


def test_the_night_the_clocks_change_has_23_hours() -> None:
    whole_days = Limits(timezone="Europe/Berlin", business_hours=((0, 1440),) * 7)
    saturday, monday = datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert elapsed(saturday, monday, whole_days) == timedelta(hours=47)


def test_time_never_runs_backwards() -> None:
    assert elapsed(FRIDAY_4PM, FRIDAY_4PM - timedelta(days=1), OFFICE) == timedelta()


@settings(max_examples=40)
@given(INSTANTS, st.integers(1, 80))
def test_reached_is_the_instant_at_which_elapsed_has_grown_to_the_amount(start: datetime, amount: int) -> None:
    wanted = timedelta(hours=amount)
    at = reached(start, wanted, OFFICE)
    assert elapsed(start, at, OFFICE) == wanted
    assert elapsed(start, at - timedelta(minutes=1), OFFICE) < wanted


def test_hours_are_shown_to_one_decimal() -> None:
    assert hours(timedelta(hours=46, minutes=50)) == 46.8
