"""Plans as TOML files."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rl_lab.compare import checks
from rl_lab.compare.plan import Contender, Environment, Evaluation, Plan, Question, names_algorithm
from rl_lab.errors import LabError
from rl_lab.files import read_toml

KEYS = {
    "the plan": [*(item.name for item in fields(Plan) if item.name != "usual_questions"), "hyperparameters"],
    "environments": ["id", "name", "arguments", "random", "optimal", "steps"],
    "contenders": ["algorithm", "training"],  # and hyperparameters of the algorithm
    "questions": [item.name for item in fields(Question)],
    "evaluation": [item.name for item in fields(Evaluation)],
}
"""What the tables of a plan may hold; `docs/plans.md` says what it means."""


def load_plan(path: str | Path) -> Plan:
    """Read a plan from a TOML file.

    Its keys are the fields of `Plan`, with three conveniences: `[contenders.NAME]` tables hold `algorithm` and its
    hyperparameters; a `[hyperparameters]` table holds for every contender that is not a function; `environments`
    may be a list of ids. `docs/plans.md` has them all in tables.
    """
    table = read_toml(path, "plan")
    try:
        return plan_from(table)
    except LabError as error:
        raise LabError(f"plan {str(path)!r}: {error}") from None


def plan_from(table: Mapping[str, Any]) -> Plan:
    """A plan from the nested dictionary that a TOML file holds; see `load_plan`."""
    table = dict(checks.table("the plan", table))
    checks.keys("plan", table, KEYS["the plan"])
    checks.switch("controls", table.get("controls", True))
    shared = checks.table("hyperparameters", table.pop("hyperparameters", {}))
    for key in ("environments", "contenders", "steps"):
        if key not in table:
            raise LabError(f"{key!r} is missing; a plan needs environments, contenders and steps")
    contenders = checks.table("contenders", table["contenders"])
    questions = checks.sequence("questions", table.get("questions", []))
    return Plan(
        environments=[_environment(entry) for entry in checks.sequence("environments", table["environments"])],
        contenders=[_contender(name, entry, shared) for name, entry in contenders.items()],
        questions=[_build(Question, "question", entry) for entry in questions],
        evaluation=_build(Evaluation, "evaluation", table.get("evaluation", {})),
        **{
            key: table[key]
            for key in ("steps", "seeds", "baseline", "title", "out", "timeout", "controls", "keep")
            if key in table
        },
    )


def _environment(entry: Any) -> Environment:
    if isinstance(entry, str):
        return Environment(entry)
    entry = checks.table("environment", entry)
    checks.keys("environment", entry, KEYS["environments"])
    if "id" not in entry:
        raise LabError(f'environment {dict(entry)} has no id; write id = "CartPole-v1"')
    named = entry if "name" in entry else {**entry, "name": entry["id"], "id": ""}
    return Environment(**named)


def _contender(name: str, entry: Any, shared: Mapping[str, Any]) -> Contender:
    if isinstance(entry, str):
        entry = {"algorithm": entry}
    own = dict(checks.table(f"contender {name}", entry))
    if "algorithm" not in own:
        raise LabError(f'contender {name!r} has no algorithm; write algorithm = "sb3:ppo", "ppo" or "module:function"')
    algorithm, training = own.pop("algorithm"), checks.table(f"training of {name}", own.pop("training", {}))
    return Contender(name, algorithm, {**shared, **own} if names_algorithm(algorithm) else own, training)


def _build(kind: type, name: str, entry: Any) -> Any:
    """A dataclass from a table, with the types of its numbers checked."""
    entry = checks.table(name, entry)
    checks.keys(name, entry, [item.name for item in fields(kind)])
    for key, value in entry.items():
        wanted = next(item for item in fields(kind) if item.name == key).type
        if ("float" in str(wanted) or wanted == "int") and (
            isinstance(value, bool) or not isinstance(value, (int, float))
        ):
            raise LabError(f"{name} {key} is {value!r}; it must be a number")
    try:
        return kind(**entry)
    except TypeError:
        needed = ", ".join(item.name for item in fields(kind) if item.name not in entry)
        raise LabError(f"{name} {dict(entry)} is incomplete; it may also have {needed}") from None
