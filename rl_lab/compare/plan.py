"""What a comparison is: environments, contenders, a budget, seeds, and the questions that it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rl_lab.compare import checks
from rl_lab.errors import LabError
from rl_lab.validation import own_fields

MEASURES = {
    "return": "return per step",
    "final": "final return",
    "time": "time to {threshold}",
    "steps": "steps to {threshold}",
}
CLAIMS = ("equal", "better")
KEEP = ("best", "all", "none")
VERDICT_SEEDS, SMOKE_SEEDS = 10, 5  # fewer than ten seeds give no verdict, fewer than five are a smoke test
EPISODE_LIMIT, POINT_LIMIT = 1_000, 10_000
FEW_UPDATES = 10  # below which a run says little about an algorithm


@dataclass(frozen=True)
class Environment:
    """One environment of a comparison."""

    name: str
    """What the report calls it: Gymnasium's id, `module:id`, or any name where `id` or `make` says what is meant."""
    make: Callable[[], Any] | None = None
    """A function that makes the environment, where it has no id."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `gymnasium.make`."""
    random: float | None = None
    """Mean return of random actions: the 0 of the normalised score."""
    optimal: float | None = None
    """Return of an optimal policy: the 1 of the normalised score."""
    steps: int | None = None
    """Budget of every run here, where it is not the plan's."""
    id: str = ""
    """Gymnasium's id or `module:id`, where the name is another."""

    def __post_init__(self) -> None:
        own_fields(self)
        if self.steps is not None:
            checks.count(f"steps of environment {self.name!r}", self.steps)
        checks.text(f"id of environment {self.name!r}", self.id)
        checks.table(f"arguments of environment {self.name!r}", self.arguments)
        for reference in ("random", "optimal"):
            if (value := getattr(self, reference)) is not None:
                checks.number(f"reference {reference} of environment {self.name!r}", value)
        if self.make is not None and not callable(self.make):
            raise LabError(f"environment {self.name!r} is made by {self.make!r}, which cannot be called")
        if (self.random is None) != (self.optimal is None):
            raise LabError(f"environment {self.name!r} has one reference; give both random and optimal, or neither")
        if self.random is not None and self.random == self.optimal:
            raise LabError(f"environment {self.name!r} has random = optimal = {self.random}; they must differ")

    @property
    def known_as(self) -> str:
        """What Gymnasium knows it by, perhaps with its module."""
        return self.id or self.name

    @property
    def details(self) -> str:
        """What its name does not say: the id where that is another, and the arguments."""
        arguments = [f"{key} = {value}" for key, value in self.arguments.items()]
        return ", ".join([*filter(None, [self.id]), *arguments])

    @property
    def normalised(self) -> bool:
        """Whether scores run from 0 (random) to 1 (optimal)."""
        return self.random is not None

    def score(self, returns: Any) -> Any:
        """Returns, normalised by the references if there are any; a float or an array."""
        if self.random is None or self.optimal is None:
            return returns
        return (returns - self.random) / (self.optimal - self.random)


def names_algorithm(algorithm: Any) -> bool:
    """Whether it is the name of an algorithm, in small letters or capitals, and no function."""
    return isinstance(algorithm, str) and (":" not in algorithm or algorithm.lower().startswith("sb3:"))


@dataclass(frozen=True)
class Contender:
    """Something that turns an environment, a seed and a budget into a model."""

    name: str
    """What the report calls it."""
    algorithm: str | Callable[..., Any]
    """`"ppo"` (ours), `"sb3:ppo"`, `"module:function"`, or a function `f(env, seed, steps)`."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the algorithm; `num_envs` is how many environments it steps at once, one by default."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Additional arguments of the environment for training only, not for evaluation: `{"opponent": "self"}`."""
    control: str = ""
    """Which control of a function that calls `rl_lab.sb3.pretrain` this is; see `controls`."""

    def __post_init__(self) -> None:
        checks.table(f"hyperparameters of contender {self.name!r}", self.hyperparameters)
        checks.table(f"training of contender {self.name!r}", self.training)
        if named := names_algorithm(self.algorithm):
            object.__setattr__(self, "algorithm", str(self.algorithm).lower())
        for name in ("num_envs", "n_steps") if named else ("num_envs",):
            if name in self.hyperparameters:
                checks.count(f"{name} of contender {self.name!r}", self.hyperparameters[name])

    @property
    def num_envs(self) -> int:
        """Environments that it steps at once: one, as Stable-Baselines3 and a function have it, or as the plan says."""
        return int(self.hyperparameters.get("num_envs", 1))


@dataclass(frozen=True)
class Question:
    """What is asked about each contender, against the baseline."""

    measure: str
    """`return` (mean over the learning curve), `final`, `time` or `steps` (to the threshold)."""
    claim: str = "better"
    """`better`, which for time and steps is less, or `equal`."""
    margin: float | None = None
    """Differences up to this are called equivalent: of the score, or for time and steps a share (0.1: 10 %)."""
    threshold: float | None = None
    """Mean evaluation score that counts as solved, for time and steps."""

    def __post_init__(self) -> None:
        own_fields(self)
        checks.choice("measure", self.measure, MEASURES)
        checks.choice("claim", self.claim, CLAIMS)
        for name in ("margin", "threshold"):
            if (value := getattr(self, name)) is not None:
                checks.number(name, value)
        if self.margin is not None and not self.margin > 0:
            raise LabError(f"margin is {self.margin}; it must be above 0")
        if self.censored and self.threshold is None:
            raise LabError(f"the question about {self.measure!r} needs a threshold: the score that counts as solved")
        if self.claim == "equal" and self.margin is None:
            raise LabError(f"the question whether {self.measure!r} is equal needs a margin, given beforehand")

    @property
    def censored(self) -> bool:
        """Whether a run may end before it has a value."""
        return self.measure in ("time", "steps")

    @property
    def topic(self) -> str:
        """The measure in words."""
        return MEASURES[self.measure].format(threshold=self.threshold)

    def text(self, contender: str, baseline: str) -> str:
        """The question in words."""
        within = ""
        if self.margin is not None and self.claim == "equal":
            within = f" within {self.margin * 100:g}%" if self.censored else f" within {self.margin:g}"
        verb, those = ("Are", "those") if self.measure == "steps" else ("Is", "that")
        if self.claim == "equal":
            return f"{verb} the {self.topic} of {contender} equal to {those} of {baseline}{within}?"
        word = {"time": "shorter", "steps": "fewer"}.get(self.measure, "higher")
        return f"{verb} the {self.topic} of {contender} {word} than {those} of {baseline}?"


@dataclass(frozen=True)
class Evaluation:
    """How policies are evaluated during training."""

    points: int = 20
    """Evaluations over the budget, evenly spaced; one more before the first step."""
    episodes: int = 20
    """Episodes of each evaluation, on seeds that no training uses."""
    deterministic: bool = True
    """Whether the policy takes its likeliest action."""
    max_episode_steps: int = 10_000
    """Where an episode of an environment without a limit is cut."""

    def __post_init__(self) -> None:
        own_fields(self)
        for name in ("points", "episodes", "max_episode_steps"):
            checks.count(f"evaluation {name}", getattr(self, name))
        checks.switch("evaluation deterministic", self.deterministic)
        for name, limit in (("episodes", EPISODE_LIMIT), ("points", POINT_LIMIT)):
            if getattr(self, name) > limit:
                raise LabError(f"evaluation {name} is {getattr(self, name)}; at most {limit} are possible")


@dataclass(frozen=True)
class Plan:
    """A whole comparison; see `load_plan` for the same as a TOML file."""

    environments: Sequence[Environment]
    contenders: Sequence[Contender]
    steps: int
    """Environment steps of every run, its budget, where the environment has no other."""
    seeds: int | Sequence[int] = 10
    """How many (0, 1, 2, ...) or which; a run of each contender on each environment for each seed."""
    questions: Sequence[Question] = ()
    """Asked of every contender but the baseline; by default return per step, final return and time to 0.9."""
    baseline: str | None = None
    """Name of the contender that the others are compared with; by default the first of Stable-Baselines3."""
    evaluation: Evaluation = Evaluation()
    title: str = ""
    out: str | None = None
    """Output folder."""
    timeout: float | None = None
    """Seconds after which a run is ended as failed; by default there is no limit."""
    controls: bool | Sequence[str] = True
    """Whether pretrained contenders get controls; once they have, the names of those, about which nothing is asked."""
    keep: str = "best"
    """Which trained agents are saved: `best` (the seed with the best final return), `all` or `none`."""
    usual_questions: bool = False
    """Whether the questions are those that are asked by default; found out here, and kept by `dataclasses.replace`."""

    def __post_init__(self) -> None:
        own_fields(self)
        checks.count("steps", self.steps)
        checks.text("title", self.title)
        if self.out is not None:
            checks.text("out", self.out)
        for name, kind in (("environments", Environment), ("contenders", Contender), ("questions", Question)):
            for item in checks.sequence(name, getattr(self, name)):
                if not isinstance(item, kind):
                    raise LabError(f"{name} has {item!r}; each must be of the class {kind.__name__}")
        if not isinstance(self.controls, (list, tuple)):
            checks.switch("controls", self.controls)
        if self.timeout is not None:
            checks.positive("timeout", self.timeout)
        object.__setattr__(self, "seeds", checks.training_seeds(self.seeds))
        checks.distinct("environment", [environment.name for environment in self.environments])
        checks.choice("keep", self.keep, KEEP)
        names = [contender.name for contender in self.contenders]
        checks.distinct("contender", names)
        if len(names) < 2:
            raise LabError(f"a comparison needs two contenders or more, and {names} is {len(names)}")
        least, points = min(map(self.budget, self.environments)), self.evaluation.points
        if least < points:
            raise LabError(f"steps is {least}; with {points} evaluation points it must be as many")
        if self.baseline is not None:
            checks.choice("baseline", self.baseline, names)
        theirs = (c.name for c in self.contenders if isinstance(c.algorithm, str) and c.algorithm.startswith("sb3:"))
        object.__setattr__(self, "baseline", next(theirs, names[0]) if self.baseline is None else self.baseline)
        usual = not self.questions or (self.usual_questions and tuple(self.questions) == self._questions())
        object.__setattr__(self, "usual_questions", usual)
        object.__setattr__(self, "questions", tuple(self.questions) or self._questions())

    def _questions(self) -> tuple[Question, ...]:
        """Margins and thresholds mean something by themselves only where scores are normalised."""
        if not all(environment.normalised for environment in self.environments):
            return (Question("return"), Question("final"))
        time = Question("time", margin=0.1, threshold=0.9)
        return (Question("return", margin=0.05), Question("final", margin=0.05), time)

    @property
    def training_seeds(self) -> tuple[int, ...]:
        """The seeds, one by one."""
        return checks.training_seeds(self.seeds)

    def budget(self, environment: Environment) -> int:
        """Environment steps of a run on one of the environments."""
        return environment.steps or self.steps

    @property
    def control_names(self) -> tuple[str, ...]:
        """Contenders that are shown, but not part of any question."""
        return () if isinstance(self.controls, bool) else tuple(self.controls)

    @property
    def challengers(self) -> list[str]:
        """All contenders but the baseline and the controls."""
        known = {self.baseline, *self.control_names}
        return [contender.name for contender in self.contenders if contender.name not in known]
