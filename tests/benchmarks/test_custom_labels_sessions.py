"""The simulator of Custom Labels sessions: small loads with known results, and properties of every load."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers import ROOT
from benchmarks.sessions import others, settings
from benchmarks.sessions.loads import DAY, LOADS, WEEK
from benchmarks.sessions.model import START_SECONDS, STOP_SECONDS, Model
from benchmarks.sessions.outcome import Outcome
from benchmarks.sessions.queue import Queue
from benchmarks.sessions.session import EMPTY_LOOKS, LATE_SECONDS, Sessions, schedule
from vision.domain.session.decisions import SessionPolicy

pytestmark = pytest.mark.thorough

POLICY = SessionPolicy(
    minimum_batch=500,
    maximum_age_seconds=2_400,
    minimum_units=1,
    maximum_units=5,
    drain_seconds=1_800,
    maximum_seconds=14_400,
)
SETTINGS = settings.Settings(
    POLICY, schedule_seconds=900, poll_seconds=30, idle_seconds=60, round_seconds=240, patience_seconds=10
)
QUARTERS = range(0, WEEK + DAY, 900)

moments = st.floats(0, WEEK - 1)
bursts = st.tuples(moments, st.integers(1, 1_000), st.floats(0, 3_600)).map(
    lambda burst: [burst[0] + burst[2] * image / burst[1] for image in range(burst[1])]
)
weeks = st.lists(st.one_of(moments.map(lambda moment: [moment]), bursts), min_size=1, max_size=5).map(
    lambda parts: sorted(moment for part in parts for moment in part)
)
policy = st.builds(
    lambda minimum, more, **others: replace(POLICY, minimum_units=minimum, maximum_units=minimum + more, **others),
    minimum=st.integers(1, 5),
    more=st.integers(0, 5),
    minimum_batch=st.integers(1, 2_000),
    maximum_age_seconds=st.integers(0, 43_200),
    drain_seconds=st.integers(10, 600),
    maximum_seconds=st.integers(600, 20_000),
)
chosen = st.builds(
    lambda **changes: replace(SETTINGS, **changes),
    policy=policy,
    schedule_seconds=st.sampled_from((900, 1_800, 3_600)),
    poll_seconds=st.integers(20, 600),
    idle_seconds=st.integers(60, 600),
)
seeds = st.integers(0, 99)


def ours(arrivals, chosen_settings, seed) -> Outcome:
    return Sessions(arrivals, chosen_settings).run(schedule(chosen_settings.schedule_seconds, seed))


any_outcome = st.one_of(
    st.builds(ours, weeks, chosen, seeds),
    st.builds(others.older_batch, weeks, seeds),
    st.builds(others.always_running, weeks, st.integers(1, 5)),
)


def test_one_image_is_done_at_the_second_of_the_state_machine():
    outcome = Sessions([100.0], SETTINGS).run(QUARTERS)

    # Seen at 901 s and old enough at 3,601 s. The model is started at 3,602 s and found running at its thirty-first
    # poll, at 4,532 s; the worker begins a second later and takes a fifth of one.
    assert outcome.queue.done == [pytest.approx(4_533.2)]
    # Running at 4,502 s; after a long poll of ten seconds empty at 4,544.2 s, and again a minute later.
    [run] = outcome.runs
    assert run.running == 4_502
    assert run.stopping == pytest.approx(4_606.2)


def test_full_batch_starts_at_the_first_check():
    [run] = Sessions([100.0] * 500, SETTINGS).run(QUARTERS).runs
    assert run.starting == 902


def test_image_that_arrives_during_the_idle_wait_needs_no_other_start():
    outcome = Sessions([100.0, 4_600.0], SETTINGS).run(QUARTERS)
    assert (len(outcome.runs), len(outcome.queue.done)) == (1, 2)


def test_session_ends_after_an_idle_round_and_its_remaining_images_wait_anew():
    # An image every two seconds for an hour, a tenth of what a unit does: enough of them at 1,800 s.
    first, second = Sessions([2.0 * image for image in range(1_800)], SETTINGS).run(QUARTERS).runs
    assert first.starting == 1_802
    assert first.stopping - first.running < 700
    # Left at about 3,400 s, so old enough at the check of 6,300 s.
    assert second.starting == 6_302


def test_check_during_a_session_does_not_count_the_queue():
    # The session holds its lease until 4,917 s. The image of 4,620 s is seen at 5,401 s, not at 4,501 s or before.
    outcome = Sessions([100.0, 4_620.0], SETTINGS).run(QUARTERS)
    assert outcome.runs[1].starting == 5_400 + 2_700 + 2


def test_next_session_processes_the_images_that_a_session_leaves():
    short = replace(SETTINGS, policy=replace(POLICY, maximum_seconds=1_200, maximum_units=1))
    outcome = Sessions([100.0] * 5_000, short).run(QUARTERS)
    assert (len(outcome.runs), outcome.share_done) == (3, 1)


def test_session_that_ends_before_its_model_runs_stops_it_and_does_nothing():
    hasty = replace(SETTINGS, policy=replace(POLICY, maximum_seconds=600))
    outcome = Sessions([100.0], hasty).run(range(0, 4_500, 900))
    assert (outcome.share_done, [run.units for run in outcome.runs]) == (0, [1])
    assert outcome.runs[0].stopping - outcome.runs[0].running <= SETTINGS.poll_seconds + 1


@pytest.mark.parametrize(("images", "seconds"), [(1, 3_540), (30_000, 2 * 3_540)])
def test_older_batch_holds_its_model_for_59_minutes_or_while_images_arrive(images, seconds):
    [run] = others.older_batch([100.0] * images, seed=1).runs
    assert run.stopping - run.running == seconds


def test_image_without_an_end_counts_as_never_done():
    outcome = Outcome(Queue([1.0, 2.0]), [])
    outcome.queue.serve(5, 5.3, 1)
    assert (outcome.age(0.5), outcome.age(0.95), outcome.share_done) == (pytest.approx(4.2), float("inf"), 0.5)


@given(any_outcome)
def test_images_are_done_once_and_only_while_a_model_runs_and_models_run_one_after_another(outcome):
    waiting = outcome.queue.backlog(float("inf")).messages
    assert len(outcome.queue.done) + waiting == len(outcome.queue.arrivals)
    # Five images a second and unit.
    units = max((run.units for run in outcome.runs), default=1)
    assert all(age >= 0.999 / (5 * units) for age in outcome.ages)
    assert outcome.unit_hours * 3_600 * 5 >= len(outcome.queue.done) - 1e-3
    assert all(run.starting < run.running <= run.stopping < run.stopped < float("inf") for run in outcome.runs)
    assert all(earlier.stopped <= later.starting for earlier, later in pairwise(outcome.runs))
    runs = iter(outcome.runs)
    run = next(runs, None)
    for done in outcome.queue.done:
        while done > run.stopping:
            run = next(runs)
        assert run.running < done
    extra = sum(run.units for run in outcome.runs) * (START_SECONDS + STOP_SECONDS) / 3_600
    assert outcome.unit_hours_at_worst == pytest.approx(outcome.unit_hours + extra)


@given(weeks, chosen, seeds)
def test_every_image_is_done_within_the_day_after_the_week(arrivals, chosen_settings, seed):
    patient = replace(chosen_settings, policy=replace(chosen_settings.policy, maximum_seconds=20_000))
    assert ours(arrivals, patient, seed).share_done == 1


@given(weeks, chosen, seeds)
def test_session_stays_within_its_units_and_its_longest_duration(arrivals, chosen_settings, seed):
    limits = chosen_settings.policy
    of_the_start = START_SECONDS + chosen_settings.poll_seconds
    last_round = chosen_settings.round_seconds + chosen_settings.idle_seconds + 10
    longest = max(limits.maximum_seconds, of_the_start) + last_round
    for run in ours(arrivals, chosen_settings, seed).runs:
        assert limits.minimum_units <= run.units <= limits.maximum_units
        assert run.stopping - run.starting <= longest


def test_same_week_has_the_same_outcome():
    first, second = (ours(LOADS["sparse bursts"](5), SETTINGS, seed=5) for _ in range(2))
    assert (first.runs, first.queue.done) == (second.runs, second.queue.done)


@given(st.sampled_from((300, 900, 3_600)), seeds)
def test_schedule_starts_within_its_minute_without_drift(seconds, seed):
    assert all(abs(later - earlier - seconds) <= LATE_SECONDS for earlier, later in pairwise(schedule(seconds, seed)))


@pytest.mark.parametrize("load", sorted(LOADS))
def test_load_is_sorted_within_the_week_and_reproducible(load):
    arrivals = LOADS[load](3)
    assert arrivals == sorted(LOADS[load](3))
    assert 0 <= arrivals[0] <= arrivals[-1] < WEEK


def test_model_starts_only_when_stopped_and_stops_only_when_running():
    model = Model()
    model.start(0, 1)
    with pytest.raises(ValueError, match="STARTING at 100 s, stop it while it is RUNNING"):
        model.stop(100)
    with pytest.raises(ValueError, match="RUNNING at 1000 s, start it when it rests"):
        model.start(1_000, 1)


def test_session_ends_after_as_many_empty_counts_as_in_the_state_machine():
    machine = json.loads((ROOT / "statemachines/custom_model_session.asl.json").read_text(encoding="utf-8"))
    conditions = [choice["Condition"] for choice in machine["States"]["Is Queue Empty?"]["Choices"]]
    assert f"{{% $empty_looks > {EMPTY_LOOKS - 1} %}}" in conditions


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"MaximumAge": 1}, "MaximumAge: the template has no such parameter"),
        ({"IdleSeconds": 10}, "IdleSeconds: 10, the template takes 60 to 900"),
        ({"SessionSchedule": "cron(0 2 * * ? *)"}, "SessionSchedule: .*, the simulation takes a rate"),
    ],
)
def test_invalid_setting_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        settings.read(parameters)
