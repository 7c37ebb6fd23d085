"""Comparisons: same environments, same budget, paired seeds, an interval and a verdict."""

from rl_lab.compare.api import compare, compare_plan, judge_logs, run_plan
from rl_lab.compare.measure import BudgetSpent, watch
from rl_lab.compare.plan import Contender, Environment, Evaluation, Plan, Question
from rl_lab.compare.reading import load_plan
from rl_lab.compare.result import Result
from rl_lab.compare.runs import Run
from rl_lab.compare.verdict import Verdict

__all__ = [
    "BudgetSpent",
    "Contender",
    "Environment",
    "Evaluation",
    "Plan",
    "Question",
    "Result",
    "Run",
    "Verdict",
    "compare",
    "compare_plan",
    "judge_logs",
    "load_plan",
    "run_plan",
    "watch",
]
