"""Verdicts on runs whose answer is known."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from made_runs import ENVIRONMENT, plan, rising, run
from scipy import stats

from rl_lab.compare import Question, Result, Run, wording
from rl_lab.compare.curves import Curve, Value, measure
from rl_lab.compare.verdict import judge

EQUAL = Question("return", "equal", margin=0.05)
SHORTER = Question("time", threshold=0.9, margin=0.1)


def flat(value, noise=0.0, seed=0):
    return [value + noise * np.random.default_rng(seed).normal()] * 11


def one(question, runs, seeds=10, paired=True):
    verdicts = judge(plan(question, seeds=seeds), runs, paired)
    assert len(verdicts) == 1
    return verdicts[0]


def both(ours, theirs, seeds=10):
    return [run("ours", s, *ours(s)) for s in range(seeds)] + [run("theirs", s, *theirs(s)) for s in range(seeds)]


@pytest.mark.parametrize(
    ("gap", "outcome", "answer"),
    [(0.0, "equivalent", "yes"), (0.2, "better", "no"), (-0.2, "worse", "no")],
)
def test_scores_apart_by_a_known_gap(gap, outcome, answer):
    runs = both(lambda s: [flat(0.5 + gap, 0.02, s)], lambda s: [flat(0.5, 0.02, s + 50)])
    verdict = one(EQUAL, runs)
    assert (verdict.outcome, verdict.answer, verdict.pairs) == (outcome, answer, 10)
    differences = np.array([verdict.value - verdict.against, verdict.estimate])
    assert differences == pytest.approx([gap, gap], abs=0.03)
    assert verdict.low < verdict.estimate < verdict.high


def test_what_pairs_share_does_not_count():
    """A spread over levels that both contenders meet would hide the difference from a test that is not paired."""
    runs = both(lambda s: [flat(0.1 * s + 0.06, 0.005, s)], lambda s: [flat(0.1 * s)])
    assert one(EQUAL, runs).outcome == "better"
    assert one(EQUAL, runs, paired=False).outcome == "inconclusive"


def test_welch_where_seeds_are_not_paired():
    runs = both(lambda s: [flat(0.8, 0.1, s)], lambda s: [flat(0.5, 0.1, s + 50)])[:-3]
    verdict = one(EQUAL, runs, paired=False)
    ours, theirs = ([r.points[0].returns[0] for r in runs if r.contender == name] for name in ("ours", "theirs"))
    assert verdict.p == pytest.approx(stats.ttest_ind(ours, theirs, equal_var=False).pvalue)
    assert (verdict.pairs, verdict.outcome) == (7, "none")


@pytest.mark.parametrize(
    ("seeds", "words"), [(3, "a smoke test: 3 seeds of the 10"), (9, "1 seed missing"), (6, "4 seeds missing")]
)
def test_too_few_seeds_give_no_verdict_and_say_so(seeds, words):
    verdict = one(EQUAL, both(lambda s: [flat(0.9, 0.01, s)], lambda s: [flat(0.1)], seeds), seeds)
    assert (verdict.outcome, verdict.answer) == ("none", "undecided")
    assert words in verdict.note


def test_failed_runs_take_their_pair_with_them():
    runs = both(lambda s: [flat(0.9, 0.01, s)], lambda s: [flat(0.1)])
    runs[4] = Run("task", "ours", 4, error="it broke")
    verdict = one(EQUAL, runs)
    assert (verdict.pairs, verdict.outcome) == (9, "none")
    assert "1 of 10 runs of ours failed" in verdict.note


def test_the_return_per_step_is_the_mean_of_the_curve_at_the_points():
    learned = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    verdict = one(EQUAL, both(lambda s: [learned], lambda s: [learned]))
    assert verdict.value == pytest.approx(np.mean(learned[1:]))
    assert (verdict.outcome, verdict.p) == ("equivalent", 1.0)


def test_a_jump_between_two_points_of_the_plan_counts_from_where_it_was_seen():
    """As where pretraining ends: the last evaluation before it and the first after it are close to each other."""
    steps, scores = np.array([0.0, 149, 150, 200]), np.array([0.0, 0, 1, 1])
    assert measure(EQUAL, Curve(steps, steps, scores), np.array([50.0, 100, 160, 200])) == Value(0.5, 0.5)


def test_time_to_a_threshold_is_a_ratio():
    runs = both(lambda s: (rising(2 + s % 2), 1.0), lambda s: (rising(2 + s % 2), 20.0))
    verdict = one(SHORTER, runs)
    assert verdict.estimate == pytest.approx(20)
    assert (verdict.outcome, verdict.answer) == ("better", "yes")
    assert verdict.value == pytest.approx(0.25)
    assert verdict.against == pytest.approx(5.0)
    other = {"ours": "theirs", "theirs": "ours"}
    slower = one(SHORTER, [Run(**{**vars(r), "contender": other[r.contender]}) for r in runs])
    assert (slower.outcome, slower.estimate) == ("worse", pytest.approx(1 / 20))


def test_equal_times_are_equivalent():
    spread = lambda s: (rising(3), 10.0 * (1 + 0.01 * (s % 3)))  # noqa: E731
    assert one(SHORTER, both(spread, lambda s: (rising(3), 10.0))).outcome == "equivalent"


@pytest.mark.parametrize(("margin", "shown"), [(0.1, "10%"), (0.125, "12.5%"), (0.005, "0.5%"), (1.5, "150%")])
def test_a_margin_is_shown_as_it_is(margin, shown):
    question = Question("steps", "equal", margin=margin, threshold=0.5)
    verdict = one(question, both(lambda s: (rising(3), 10.0), lambda s: (rising(3), 10.0)))
    assert verdict.question == f"Are the steps to 0.5 of ours equal to those of theirs within {shown}?"
    assert f"margin {shown}; p" in wording.finding(verdict)


def test_a_contender_that_stops_early_without_success_is_not_fast():
    """Its runs took 1 s and never reached the threshold: taken for times they would look twenty times shorter."""
    verdict = one(SHORTER, both(lambda s: (rising(99), 1.0), lambda s: (rising(5), 20.0)))
    assert verdict.outcome != "better"
    assert verdict.unreached == (10, 0)
    assert verdict.value is None


def test_a_baseline_that_never_gets_there_is_beaten_by_at_least_its_budget():
    verdict = one(SHORTER, both(lambda s: (rising(5), 1.0), lambda s: (rising(99), 20.0)))
    assert verdict.outcome == "better"
    assert verdict.estimate == pytest.approx(40)  # 20 s against 0.5 s, at least
    assert verdict.high is None


def test_one_run_that_never_gets_there_forbids_a_close_call_and_nobody_gets_there_decides_nothing():
    close = both(lambda s: (rising(99 if s == 0 else 5), 9.0), lambda s: (rising(5), 10.0))
    assert one(SHORTER, close).outcome == "inconclusive"
    nobody = one(SHORTER, both(lambda s: (rising(99), 1.0), lambda s: (rising(99), 20.0)))
    assert (nobody.outcome, nobody.p, nobody.estimate) == ("inconclusive", 1.0, None)


def test_a_threshold_that_untrained_policies_reach_separates_nothing():
    for question in (SHORTER, replace(SHORTER, measure="steps")):
        verdict = one(question, both(lambda s: (rising(0), 1.0), lambda s: (rising(0), 20.0)))
        assert (verdict.outcome, verdict.estimate, verdict.value, verdict.untrained) == (
            "inconclusive",
            None,
            0,
            (10, 10),
        )
    assert wording.finding(verdict) == (
        "ours 0 steps, theirs 0 steps (medians); which one is faster is unknown, because runs began above the "
        "threshold; margin 10%; p = 1"
    )
    assert wording.unreached(verdict).startswith("10 of 10 runs of ours reached it before training (0 steps); 10 of 10")
    assert wording.unreached(verdict).endswith("policies reach separates nothing: choose a higher one")


def test_a_policy_above_the_threshold_from_the_start_beats_the_others_by_at_least_its_next_evaluation():
    verdict = one(SHORTER, both(lambda s: (rising(0), 1.0), lambda s: (rising(5), 20.0)))
    assert (verdict.outcome, verdict.value, verdict.high) == ("better", 0, None)
    assert verdict.estimate == verdict.low == pytest.approx(100)  # 10 s against 0.1 s, at least
    assert wording.factor(verdict) == "at least 100 times shorter"


def test_the_contrasts_of_a_plan_are_corrected_together():
    questions = (EQUAL, SHORTER, Question("final"))
    ours = [run("ours", s, flat(0.5 + 0.02 * (s - 3), 0.01, s)) for s in range(10)]
    runs = ours + [run("theirs", s, flat(0.5)) for s in range(10)]
    together = judge(plan(*questions), runs)
    tested = [verdict for verdict in together if verdict.measure != "time"]
    assert all(verdict.p_holm >= verdict.p for verdict in together)
    assert max(verdict.p_holm for verdict in tested) > judge(plan(EQUAL), runs)[0].p_holm


def test_a_verdict_that_holms_correction_decides_says_so():
    runs = [run("ours", s, flat(0.5 + 0.02 * (s > 0) + 0.001 * s)) for s in range(10)]
    runs += [run("third", s, flat(0.5 + 0.1 * (-1) ** s)) for s in range(10)]
    runs += [run("theirs", s, flat(0.5 if s else 0.504)) for s in range(10)]
    first, *_ = judge(plan(Question("return"), names=("ours", "third", "theirs")), runs)
    assert (first.outcome, first.note) == ("better", "")
    scattered = [run("ours", s, flat(0.55 - 0.1 * (s in (3, 7)) + 0.002 * s)) for s in range(10)] + runs[10:]
    first, *_ = judge(plan(Question("return"), Question("final"), names=("ours", "third", "theirs")), scattered)
    assert first.p < 0.05 < first.p_holm
    assert first.outcome == "inconclusive"
    assert first.note == f"p = {first.p:.2g} before Holm's correction, which decides"
    text = Result(plan(Question("return"), Question("final"), names=("ours", "third", "theirs")), scattered).verdict
    assert f"p = {first.p_holm:.2g} (Holm)" in text


def test_the_text_says_how_many_steps_and_updates_there_were():
    runs = both(lambda s: (rising(2), 1.0), lambda s: (rising(2), 20.0))
    runs = [replace(each, steps=960, notes={"updates": 12 if each.contender == "ours" else 1}) for each in runs]
    text = Result(plan(EQUAL), runs).verdict
    assert "Steps taken: ours 960 (12 updates), theirs 960 (1 update)." in text
    assert "Fewer than 10 updates: theirs." in text
    asked = replace(plan(EQUAL, names=("ours", "clone only", "theirs")), controls=["clone only"])
    clones = [replace(each, contender="clone only") for each in runs if each.contender == "theirs"]
    text = Result(asked, runs + clones).verdict
    assert "clone only 960 (1 update)" in text
    assert "Fewer than 10 updates: theirs." in text


def test_the_text_says_which_contender_was_pretrained_with_some_seeds_only():
    runs = both(lambda s: (rising(2), 1.0), lambda s: (rising(2), 20.0), 3)
    runs[2] = replace(runs[2], notes={"pretraining": {}, "switch": 0})
    text = Result(plan(EQUAL, seeds=3), runs).verdict
    assert "ours was pretrained in 1 of 3 runs only. Whether it gets controls, its first run decides" in text
    assert "theirs was pretrained" not in text


def test_a_contender_judged_at_its_end_only_has_no_curve():
    runs = [run("theirs", s, flat(0.5)) for s in range(10)]
    runs += [Run("task", "ours", s, run("x", s, [1.0]).points) for s in range(10)]
    verdict = one(EQUAL, runs)
    assert (verdict.outcome, verdict.pairs) == ("none", 0)
    assert "watch(env, model)" in verdict.note
    assert one(Question("final"), runs).outcome == "better"


def test_the_text_has_the_question_the_answer_and_the_failures():
    runs = both(lambda s: (rising(2), 1.0 + 0.1 * s), lambda s: (rising(2), 20.0 + s))
    runs += [Run("task", "third", s, error="TypeError: no (mine.py, line 3)") for s in range(10)]
    text = Result(plan(EQUAL, SHORTER, names=("ours", "third", "theirs")), runs).verdict
    assert "task  ·  10 paired seeds  ·  1,000 steps each" in text
    assert "Is the return per step of ours equal to that of theirs within 0.05?\n    YES: EQUIVALENT" in text
    assert "TIMES SHORTER" in text
    assert "FAILED  third on task, seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9: TypeError: no (mine.py, line 3)" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_verdicts_are_json(tmp_path):
    runs = both(lambda s: (rising(99), 1.0), lambda s: (rising(5), 20.0))
    result = Result(plan(EQUAL, SHORTER), runs)
    written = json.loads(result.save(tmp_path / "verdicts.json").read_text())["verdicts"]
    assert written == [json.loads(json.dumps(asdict(verdict))) for verdict in result.verdicts]
    assert not any(isinstance(v, float) and math.isnan(v) for verdict in written for v in verdict.values())


def test_scores_are_normalised_by_the_references_of_the_environment():
    raw = type(ENVIRONMENT)("task", None, {}, 20.0, 500.0)
    runs = both(lambda s: [flat(500.0)], lambda s: [flat(260.0)])
    verdict = judge(plan(EQUAL, environments=(raw,)), runs)[0]
    assert (verdict.value, verdict.against) == (1.0, 0.5)
