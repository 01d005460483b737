"""Simulated days: estimates keep their promises, and equal seeds give equal days."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from core.errors import SetupError
from server.checks.day_simulation import Day, SimulatedClinic, SimulatedService, two_services
from server.checks.wait_study import OUTLIER, Study, report, running_pace, study
from server.cli.command_line import parser
from tests.support.command import inturn_hub
from tests.support.proof_size import proof_size

SERVICES = {"A": SimulatedService(0.6, 300.0), "B": SimulatedService(0.4, 720.0)}
DAYS = proof_size(40, 100)


def assert_better_than_alternatives(found: Study) -> None:
    rounded, before_rounding, *alternatives = found.scores
    for other in alternatives:
        assert max(rounded.error, before_rounding.error) < other.error
        assert rounded.close > other.close


@pytest.mark.long
@pytest.mark.parametrize("seed", range(proof_size(1, 3)))
def test_at_load_08_the_upper_end_holds_and_the_error_is_small(seed: int) -> None:
    found = study(two_services(0.8, 3), DAYS, seed)
    rounded, before_rounding, *_ = found.scores
    assert found.waits > 100 * DAYS
    assert rounded.holds >= 0.8
    assert before_rounding.error <= 300
    # Patients who do not wait at all get "less than 5 minutes": the middle of that bracket is 2.5 minutes off.
    assert rounded.error <= 345
    assert_better_than_alternatives(found)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(proof_size(1, 2)))
def test_at_load_09_the_upper_end_holds(seed: int) -> None:
    found = study(two_services(0.9, 3), DAYS, seed)
    assert found.scores[0].holds >= 0.8
    assert found.inside >= 0.55
    assert_better_than_alternatives(found)


@pytest.mark.long
@pytest.mark.parametrize("counters", [("AB", "AB", "A"), ("A", "AB", "B")])
def test_lines_that_share_only_some_counters_are_estimated_as_well(counters: tuple[str, ...]) -> None:
    clinic = SimulatedClinic(SERVICES, tuple(map(frozenset, counters)), 0.8)
    found = study(clinic, DAYS, 1)
    assert found.scores[0].holds >= 0.8
    assert_better_than_alternatives(found)


def test_equal_seeds_give_equal_studies() -> None:
    first, again, other = (study(two_services(0.8, 3), 2, seed) for seed in (5, 5, 6))
    assert first == again
    assert first.waits != other.waits


def test_all_patients_are_called_in_the_order_of_their_joins() -> None:
    day = Day(two_services(0.9, 3), Random(1))
    came: list[float] = []
    day.on_join = lambda patient: came.append(patient.joined)
    called = day.run()
    assert [patient.joined for patient in called] == came == sorted(came)
    assert len(came) > 100
    assert all(earlier.called <= later.called for earlier, later in pairwise(called))
    assert min(patient.waited for patient in called) >= 0


def test_a_counter_serves_one_patient_at_a_time_and_only_its_services() -> None:
    clinic = SimulatedClinic(SERVICES, (frozenset("A"), frozenset("B")), 0.8)
    day = Day(clinic, Random(2))
    most = dict.fromkeys("AB", 0)

    def record_most(_: object) -> None:
        for desk in day.open_counters:
            assert desk.serving in {None, *desk.services}
        for code in most:
            most[code] = max(most[code], sum(desk.serving == code for desk in day.open_counters))

    day.on_join = record_most
    day.run()
    assert most == {"A": 1, "B": 1}


def test_with_a_single_counter_there_is_no_estimate_during_lunch() -> None:
    found = study(two_services(0.5, 1), 5, 1)
    assert found.unknown > 0


def test_a_forgotten_consultation_changes_the_pace_little() -> None:
    usual = [60.0 * (minute % 9 + 1) for minute in range(200)]
    pace, _ = running_pace(usual) or (0, 0)
    forgotten, _ = running_pace([*usual[:196], *[36000.0] * 4]) or (0, 0)
    assert pace < forgotten < 1.07 * pace
    assert forgotten <= pace + 4 / 200 * OUTLIER * 300


def test_fewer_than_twenty_consultations_give_no_pace() -> None:
    assert running_pace([60.0] * 19) is None
    assert running_pace([60.0] * 20) == (60, 0)


def test_the_report_ends_with_its_conclusion() -> None:
    printed = report(study(two_services(0.8, 3), 20, 1))
    assert "InTurn, middle of the bracket" in printed
    assert printed.splitlines()[-1].endswith("better than both others.")


def test_the_command_needs_no_database() -> None:
    done = inturn_hub("simulate", "--days", "2", "--seed", "3", "--load", "0.9", "--counters", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 days, 2 counters, load 0.9: ")


@pytest.mark.parametrize(
    "wrong", [("--days", "0"), ("--counters", "-1"), ("--load", "7"), ("--load", "much"), ("--seed", "x")]
)
def test_invalid_numbers_exit_with_2(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["simulate", *wrong])
    assert ended.value.code == 2
    assert f"argument {wrong[0]}: " in capsys.readouterr().err


def test_days_without_patients_are_refused() -> None:
    empty = SimulatedClinic(SERVICES, (frozenset("AB"),), 1e-6)
    with pytest.raises(SetupError, match="No patient got an estimate"):
        study(empty, 1, 1)
