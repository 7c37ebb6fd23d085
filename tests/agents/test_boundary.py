"""Nothing is shared between an agent and an environment, and what an environment does wrong is one sentence."""

import re
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rl_lab.agents import PPO, train_seeds
from rl_lab.agents.common.checks import finite_rollout
from rl_lab.agents.common.environments import make_adapter
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.agents.common.rollout_buffer import make_rollout_buffer
from rl_lab.errors import LabError

BOX = Box(-5, 5, (2,), np.float32)


class Plain(gym.Env):
    """Four steps an episode; each attribute is one that a test replaces."""

    observation_space, action_space = BOX, Discrete(2)
    reward, ends, info, length = 1.0, False, {}, 4

    def seen(self):
        return np.zeros(2, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.seen(), self.info

    def step(self, action):
        self.t += 1
        return self.seen(), self.reward, self.ends, self.t >= self.length, self.info


def fails(error):
    def method(self, *args, **kwargs):
        raise error

    return method


def changes(self, *, seed=None, options=None):
    self.action_space, self.t = Discrete(2 + getattr(self, "t", 0)), 0
    return self.seen(), {}


def seeing(value, space=BOX):
    return {"observation_space": space, "seen": lambda self: value}


PARTS = Dict({"a": Box(0, 1, (1,)), "b": Dict({"c": Discrete(3)})})
OUTCOME = np.zeros(2, np.float32), 1.0, False, False, {}
HOSTILE = {
    # what an environment is made of: what the sentence says
    "no observation space": ({"observation_space": None}, "observation_space is not set"),
    "no action space": ({"action_space": None}, "action_space is not set"),
    "a space of another library": ({"action_space": "left or right"}, "action_space is 'left or right'"),
    "a tuple": ({"observation_space": Tuple([BOX, BOX])}, "observation space Tuple.*FlattenObservation"),
    "no numbers": ({"observation_space": Text(3)}, "holds no numbers"),
    "an empty box": ({"observation_space": Box(0, 1, (0,))}, "holds no numbers"),
    "several actions": ({"action_space": MultiDiscrete([2, 2])}, "action space MultiDiscrete.* is unsupported"),
    "bits as actions": ({"action_space": MultiBinary(2)}, "action space MultiBinary.* is unsupported"),
    "actions in a table": ({"action_space": Box(0, 1, (2, 2))}, "action space Box.* is unsupported"),
    "one number as action": ({"action_space": Box(0, 1, ())}, "action space Box.* is unsupported"),
    "no action": ({"action_space": Box(0, 1, (0,))}, "action space Box.* is unsupported"),
    "reset fails": ({"reset": fails(KeyError("key"))}, r"after step 0 failed: KeyError: 'key' \(.*boundary.py:\d"),
    "reset exits": ({"reset": fails(SystemExit(3))}, "failed: SystemExit: 3"),
    "reset without seed": ({"reset": lambda self: None}, "failed: TypeError: .*seed"),
    "reset gives None": ({"reset": lambda self, **_: None}, r"reset returned None; it must return \(observation, info"),
    "reset of old Gym": ({"reset": lambda self, **_: np.zeros(2)}, "reset returned array"),
    "reset of three": ({"reset": lambda self, **_: (0, {}, {})}, "reset returned"),
    "info None": ({"info": None}, "info is None; it must be a dict"),
    "info a list": ({"info": [1]}, r"info is \[1\]"),
    "no observation": (seeing(None), r"observation is None; it must hold numbers of shape \(2,\)"),
    "text": (seeing("left"), "observation is 'left'"),
    "an object": (seeing(object()), "observation is <object"),
    "another shape": (seeing(np.zeros(3)), r"observation has shape \(3,\)"),
    "another dimension": (seeing(np.zeros((1, 2))), r"observation has shape \(1, 2\)"),
    "ragged": (seeing([[1], [2, 3]]), r"observation is \[\[1\], \[2, 3\]\]"),
    "complex": (seeing(np.zeros(2, complex)), "observation is array"),
    "a dict where a box is due": (seeing({"a": 1}), "observation is {'a': 1}"),
    "a box where a dict is due": (seeing(np.zeros(2), PARTS), "it must be a dict with a, b"),
    "a part is missing": (seeing({"a": [0.5]}, PARTS), "observation lacks 'b'"),
    "a part of a part": (seeing({"a": [0.5], "b": {"c": 3}}, PARTS), r"observation\['b'\]\['c'\] is 3, which is not"),
    "nan": (seeing(np.array([0, np.nan])), r"observation\[1\] is nan; observations must be finite"),
    "infinite": (seeing(np.array([-np.inf, 0])), r"observation\[0\] is -inf"),
    "nan in a part": (seeing({"a": [np.nan], "b": {"c": 1}}, PARTS), r"observation\['a'\]\[0\] is nan"),
    "too large for float32": (seeing(np.array([1e200, 0])), "which float32 cannot hold"),
    "a fraction among bytes": (seeing(np.array([0.5]), Box(0, 255, (1,), np.uint8)), "which uint8 cannot hold"),
    "300 among bytes": (seeing(np.array([300]), Box(0, 255, (1,), np.uint8)), "which uint8 cannot hold"),
    "beyond Discrete": (seeing(4, Discrete(4)), "observation is 4, which is not in Discrete"),
    "below Discrete": (seeing(-1, Discrete(4)), "observation is -1, which is not in Discrete"),
    "beyond MultiDiscrete": (seeing([0, 3], MultiDiscrete([2, 3])), "not in MultiDiscrete"),
    "two among bits": (seeing([0, 2], MultiBinary(2)), "not in MultiBinary"),
    "step fails": ({"step": fails(ZeroDivisionError("by 0"))}, r"step 1 failed: ZeroDivisionError: by 0 \(.*py:"),
    "step exits": ({"step": fails(SystemExit())}, "step 1 failed: SystemExit"),
    "step of no argument": ({"step": lambda self: OUTCOME}, "step 1 failed: TypeError"),
    "step of old Gym": ({"step": lambda self, action: OUTCOME[1:]}, "step 1: step returned 4 values"),
    "step of six": ({"step": lambda self, action: (*OUTCOME, 1)}, "step 1: step returned 6 values"),
    "step gives None": ({"step": lambda self, action: None}, "step 1: step returned None"),
    "reward None": ({"reward": None}, "step 1: the reward is None; it must be one number"),
    "reward text": ({"reward": "1"}, "the reward is '1'"),
    "reward of parts": ({"reward": np.ones(2)}, r"the reward is array\(\[1., 1.\]\); .*RewardWrapper"),
    "reward complex": ({"reward": 1j}, "the reward is 1j"),
    "reward nan": ({"reward": float("nan")}, "the reward is nan; it must be a finite number"),
    "reward infinite": ({"reward": np.float32(np.inf)}, "the reward is inf"),
    "terminated None": ({"ends": None}, "terminated is None; it must be True or False"),
    "terminated text": ({"ends": "no"}, "terminated is 'no'"),
    "terminated an array": ({"ends": np.zeros(2, bool)}, "terminated is array"),
    "terminated a fraction": ({"ends": 0.5}, "terminated is 0.5"),
    "the space changes": ({"reset": changes}, r"the space Discrete\(\d\) became Discrete\(\d\)"),
}  # fmt: skip


def step_an_episode(source):
    for _ in range(Plain.length):
        source.step()


@pytest.mark.parametrize("case", HOSTILE)
def test_an_environment_that_keeps_no_contract(case):
    attributes, message = HOSTILE[case]
    Hostile = type("Hostile", (Plain,), attributes)
    with pytest.raises(LabError, match=message) as caught:
        step_an_episode(PPO(Hostile, num_envs=2).source)  # nothing is compiled
    assert "\n" not in str(caught.value)
    if "reset" in str(caught.value) or "step" in str(caught.value):
        assert re.match("Hostile: environment 0, ", str(caught.value))


def test_a_function_that_makes_no_environment():
    for gives in (3, None, Plain):
        with pytest.raises(LabError, match=r"it must give a gymnasium\.Env"):
            make_adapter(lambda gives=gives: gives, 2)
    with pytest.raises(LabError, match=r"cannot be made: ValueError: broken \(.*test_boundary.py:\d+\)"):
        make_adapter(Broken, 2)


class Broken(Plain):
    def __init__(self):
        raise ValueError("broken")


def test_environments_of_several_kinds_are_refused():
    sizes = iter((2, 3))
    with pytest.raises(LabError, match=r"environment 1 has the spaces .* give all the same"):
        make_adapter(lambda: type("Sized", (Plain,), {"action_space": Discrete(next(sizes))})(), 2)


class Keeps(Plain):
    """Keeps the actions that it is given, and overwrites the arrays that it gave."""

    action_space = Box(-1, 1, (2,), np.float32)

    def __init__(self):
        self.given, self.copies, self.shown = [], [], np.zeros(2, np.float32)

    def seen(self):
        self.shown[:] = getattr(self, "t", 0)
        return self.shown

    def step(self, action):
        self.given.append(action)
        self.copies.append(action.copy())
        return super().step(action)


def test_no_array_is_shared_with_an_environment():
    source = make_adapter(Keeps, 2)
    source.reset(0)
    for step in range(1, 9):
        source.view.actions[:] = step / 10
        source.step()
        assert (source.view.observations == step % 4).all()
        if step % 4 == 0:  # the reset that followed wrote 0 into the array of the last observation
            assert (source.view.final_observations == 4).all()
    for env in (lane.unwrapped for lane in source.vector.envs):
        np.testing.assert_array_equal(env.given, env.copies)
        np.testing.assert_allclose(np.array(env.given)[:, 0], np.arange(1, 9) / 10, rtol=1e-6)


def test_a_last_observation_that_the_reset_overwrote_is_refused():
    for mode in AutoresetMode:
        source = make_adapter(SyncVectorEnv([Keeps] * 2, autoreset_mode=mode), 1)
        source.reset(0)
        if mode == AutoresetMode.SAME_STEP:
            with pytest.raises(LabError, match="environment 0, step 4: step and reset return the same array"):
                step_an_episode(source)
        else:
            step_an_episode(source)
            assert (source.view.final_observations == 4).all()


def test_an_environment_that_cannot_be_closed_costs_a_line_in_the_log(caplog):
    source = make_adapter(type("Stuck", (Plain,), {"close": fails(OSError("lost"))}), 1)
    source.vector.close()
    assert "Stuck: environment 0, close failed: OSError: lost (" in caplog.text


@pytest.mark.parametrize("mode", [None, *AutoresetMode], ids=str)
def test_nan_in_a_last_observation_is_not_called_a_reward(mode):
    class Last(Plain):
        def seen(self):
            return np.full(2, np.nan if self.t >= self.length else 0, np.float32)

    vector = Last if mode is None else SyncVectorEnv([Last] * 2, autoreset_mode=mode)
    source = make_adapter(vector, 2)
    source.reset(0)
    with pytest.raises(
        LabError, match=r"(Last|SyncVectorEnv): environment 0, step 4: (the last )?observation\[0\] is nan"
    ):
        step_an_episode(source)


def test_nan_in_a_rollout_of_machine_code_is_named_with_its_step():
    rollout = make_rollout_buffer(4, 2, ActorCritic(Box(0, 1, (3,)), Discrete(3)), np.dtype("f4"))
    finite_rollout(rollout, "Walk-v0", 100)
    rollout.rewards[2, 1], rollout.truncated[2, 1] = np.inf, True
    with pytest.raises(LabError, match=r"Walk-v0: environment 1, step 103: the reward, or .* last obs.* is inf"):
        finite_rollout(rollout, "Walk-v0", 100)
    rollout.observations[1, 0, 2] = np.nan
    with pytest.raises(LabError, match=r"Walk-v0: environment 0, step 101: observation\[2\] is nan"):
        finite_rollout(rollout, "Walk-v0", 100)


def test_a_mask_that_allows_nothing_within_a_rollout_of_machine_code_is_named_with_its_step():
    rollout = make_rollout_buffer(4, 2, ActorCritic(Box(0, 1, (3,)), Discrete(3), masked=True), np.dtype("f4"))
    rollout.masks[..., 1], rollout.actions[:] = True, 1
    finite_rollout(rollout, "Walk-v0", 100)
    rollout.masks[2, 1] = False
    with pytest.raises(LabError, match=r"Walk-v0: environment 1, step 102: the action mask allows nothing; allow an"):
        finite_rollout(rollout, "Walk-v0", 100)


@pytest.mark.parametrize("low", [-0.1, 0.1, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int8])
def test_actions_lie_in_their_box(low, dtype):
    high = 0.3 if dtype != np.int8 else 3
    low = -2 if dtype == np.int8 else low
    space = Box(low, high, (2,), dtype)
    outside = []

    class Narrow(Plain):
        action_space = space

        def step(self, action):
            outside.append(not self.action_space.contains(action))
            return super().step(action)

    agent = PPO(Narrow, engine="torch", n_steps=32, batch_size=32, n_epochs=1, net_arch=(4,))
    agent.policy.actor.layers()[-1][1][:] = -0.1, 5
    agent.engine._collect(agent.rollout, agent.runner, agent.normalizer)
    assert len(outside) == 32
    assert not any(outside)
    assert space.contains(agent.predict(np.zeros(2), deterministic=False)[0])
    low, high = agent.policy.network.low, agent.policy.network.high
    assert (low >= space.low).all() and (high <= space.high).all()  # noqa: PT018


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_one_environment_object_belongs_to_one_agent(mode):
    one = Plain()
    with pytest.raises(LabError, match="one environment object stands in several of the 4 environments"):
        make_adapter(lambda: one, 4)
    with pytest.raises(LabError, match="one environment object"):  # wrappers make no second one
        make_adapter(SyncVectorEnv([lambda: gym.wrappers.TimeLimit(one, 3)] * 2, autoreset_mode=mode), 1)
    vector = SyncVectorEnv([Plain] * 2, autoreset_mode=mode)
    first, second = (make_adapter(env, 1) for env in (vector, gym.wrappers.vector.RecordEpisodeStatistics(vector)))
    first.reset(0)
    second.reset(0)
    with pytest.raises(LabError, match="another agent uses the same environment object"):
        first.check_owned()
    second.check_owned()
    first.reset(0)  # a new training takes it back
    first.check_owned()


ONE = Plain()


@pytest.mark.parametrize("env", [ONE, lambda: ONE], ids=["object", "function"])
def test_seeds_in_threads_share_no_environment(env):
    with pytest.raises(LabError, match="another agent uses the same environment object"):
        train_seeds(env, range(2), 64)


@pytest.mark.parametrize(
    ("seeds", "more", "message"),
    [
        (3, {}, r"seeds=3 is not allowed; give one for each agent, such as range\(3\)"),
        ("12", {}, "seeds='12' is not allowed"),
        (range(2), {"seed": 1}, "seed=1 does not go with seeds"),
    ],
)
def test_seeds_that_are_none_are_refused(seeds, more, message):
    with pytest.raises(LabError, match=message):
        train_seeds(Plain, seeds, 64, **more)


def test_the_environment_may_be_used_again_after_an_agent():
    env = Plain()
    for _ in range(2):
        source = make_adapter(env, 1)
        source.reset(0)
        source.check_owned()
        assert source.owned


def test_names_of_packages_help(monkeypatch):
    def lacks():
        raise gym.error.DependencyNotInstalled("Box2D is not installed")

    monkeypatch.setitem(gym.registry, "Lacks-v0", gym.envs.registration.EnvSpec("Lacks-v0", lacks))
    with pytest.raises(LabError, match=r"'Lacks-v0' needs a package that is not installed: Box2D .* pip "):
        make_adapter("Lacks-v0", 1)
    with pytest.raises(LabError, match="write 'minigrid:MiniGrid-NoSuch-v0'"):
        make_adapter("MiniGrid-NoSuch-v0", 1)
    with pytest.raises(LabError, match="pip install ale-py, and write 'ale_py:ALE/Pong-v5'"):
        make_adapter("ALE/Pong-v5", 1)


def test_a_vector_environment_without_an_id():
    class Foreign(gym.vector.VectorEnv):
        num_envs, single_observation_space, single_action_space = 2, BOX, Discrete(2)
        spec = object()  # as EnvPool's, it has no id
        bad = None

        def reset(self, *, seed=None, options=None):
            return np.zeros((2, 2)), {}

        def step(self, actions):
            rewards = np.ones((2, 3) if self.bad == "rewards" else 2)
            observations = np.full((2, 2), np.nan if self.bad == "observations" else 0)
            if self.bad == "step":
                raise RuntimeError("lost")
            return observations, rewards, np.zeros(2, bool), np.array([False, self.bad == "finals"]), {}

    env = Foreign()
    source = make_adapter(env, 1)
    source.reset(0)
    source.step()
    assert source.name == "Foreign"
    for bad, message in {
        "rewards": r"step 2 failed: ValueError|rewards have shape \(2, 3\)",
        "observations": r"environment 0, step \d: observation\[0\] is nan",
        "step": r"step \d failed: RuntimeError: lost \(.*test_boundary.py:\d+\)",
    }.items():
        env.bad = bad
        with pytest.raises(LabError, match=message):
            source.step()
    env.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    source, env.bad = make_adapter(env, 1), "finals"
    with pytest.raises(LabError, match="without info\\['final_obs'\\]"):
        source.step()


def test_a_video_without_moviepy_names_the_extra(monkeypatch, tmp_path):
    def recorded():
        return gym.wrappers.RecordVideo(gym.make("CartPole-v1", render_mode="rgb_array"), str(tmp_path))

    monkeypatch.setitem(sys.modules, "moviepy", None)
    monkeypatch.setitem(gym.registry, "Filmed-v0", gym.envs.registration.EnvSpec("Filmed-v0", recorded))
    for env in (recorded, "Filmed-v0"):
        with pytest.raises(LabError, match=r"MoviePy is not installed; run pip install -e '\.\[video\]'") as caught:
            make_adapter(env, 1)
        assert "gymnasium[other]" not in str(caught.value)
