"""Measuring: nobody oversteps the budget, forgets the evaluation, or is judged on anything but the environment."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnvWrapper, VecFrameStack, VecNormalize

from rl_lab.agents import PPO as Ours
from rl_lab.compare import BudgetSpent, Contender, Environment, Evaluation, Plan, Run, watch, wording
from rl_lab.compare.environments import Maker, evaluation_seeds
from rl_lab.compare.evaluation import Judge
from rl_lab.compare.worker import Job, execute, sentence
from rl_lab.errors import LabError

SMALL = {"n_steps": 64, "batch_size": 64, "n_epochs": 1, "device": "cpu"}
CARTPOLE = Environment("CartPole-v1")


class Counted(gym.Wrapper):
    """Counts the steps that really arrive, over all environments of its kind that train."""

    taken = 0

    def step(self, action):
        if self.env.unwrapped.np_random_seed is None or self.env.unwrapped.np_random_seed < 1_000_000:
            Counted.taken += 1
        return self.env.step(action)


def counted():
    return Counted(gym.make("CartPole-v1"))


@pytest.fixture(autouse=True)
def _fresh_count():
    Counted.taken = 0


def outcome(
    algorithm, steps=300, points=3, env=CARTPOLE, episodes=4, report=lambda step, value: None, **hyperparameters
):
    """What a worker process would send for one run."""
    contender = Contender("mine", algorithm, hyperparameters)
    return execute(
        Job(0, Maker.of(env), contender, 1, steps, Evaluation(points, episodes, max_episode_steps=60)), report
    )


def steps_of(found):
    return [point["step"] for point in found["points"]]


class Fixed:
    """A policy that only knows single observations."""

    def __init__(self, action=0):
        self.action = action

    def predict(self, observation):
        assert observation.shape == (4,)
        return self.action


def test_a_greedy_contender_is_stopped_at_its_budget():
    def mine(env, seed, steps):
        return PPO("MlpPolicy", env, seed=seed, **SMALL).learn(10 * steps)

    found = outcome(mine, env=Environment("counted", counted))
    assert found["steps"] == Counted.taken == 300
    assert steps_of(found) == [0, 128, 256, 300]  # after the updates that reach 100, 200 and 300 steps


def test_what_comes_after_the_budget_still_runs_and_a_second_learn_adds_nothing():
    def mine(env, seed, steps):
        model = A2C("MlpPolicy", env, seed=seed, device="cpu").learn(2 * steps)
        model.learn(steps, reset_num_timesteps=False)
        model.was_here = True
        return model

    found = outcome(mine, env=Environment("counted", counted))
    assert found["steps"] == Counted.taken == 300


def test_off_policy_algorithms_are_watched_too():
    def mine(env, seed, steps):
        return DQN("MlpPolicy", env, seed=seed, learning_starts=50, device="cpu").learn(steps)

    assert steps_of(outcome(mine)) == [0, 100, 200, 300]


def test_callbacks_of_the_contender_are_kept_and_may_stop_it():
    seen = []

    def mine(env, seed, steps):
        def stop(locals_, globals_):
            seen.append(locals_["self"].num_timesteps)
            return len(seen) < 100

        return PPO("MlpPolicy", env, seed=seed, **SMALL).learn(steps, callback=stop)

    assert outcome(mine)["steps"] == 100 == len(seen)


def test_evaluating_does_not_change_what_is_learned():
    def mine(env, seed, steps):
        model = PPO("MlpPolicy", env, seed=seed, **SMALL).learn(steps)
        mine.weights = model.policy.action_net.weight.detach().numpy().copy()
        return model

    weights = []
    for points, episodes in ((1, 1), (5, 7)):
        outcome(mine, points=points, episodes=episodes)
        weights.append(mine.weights)
    alone = PPO("MlpPolicy", gym.make("CartPole-v1"), seed=1, **SMALL).learn(256)  # whole rollouts within 300 steps
    assert np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[0], alone.policy.action_net.weight.detach().numpy())


def test_the_judge_finds_what_playing_by_hand_finds():
    model = PPO("MlpPolicy", gym.make("CartPole-v1"), seed=3, **SMALL).learn(512)
    seeds = evaluation_seeds(3, 6)
    env = gym.make("CartPole-v1")
    expected = []
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        value, over = 0.0, False
        while not over:
            action, _ = model.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = env.step(action)
            value, over = value + reward, terminated or truncated
        expected.append(value)
    found = Judge(Maker.of(CARTPOLE), Evaluation(episodes=6), seeds)(model)
    assert found.returns.tolist() == expected == found.lengths.tolist()
    assert (found.best.value, found.worst.value) == (max(expected), min(expected))
    assert found.best.seed == seeds[int(np.argmax(expected))]
    assert len(found.worst.actions) == min(expected)


def test_evaluation_seeds_are_nobody_elses():
    assert len({seed for run in range(50) for seed in evaluation_seeds(run, 20)}) == 1000
    assert min(evaluation_seeds(0, 20)) > 1_000_000
    assert max(evaluation_seeds(999_999, 1000)) < 2**31


def test_a_wrapper_is_copied_and_its_rewards_do_not_count():
    class Half(gym.ObservationWrapper, gym.utils.RecordConstructorArgs):
        def __init__(self, env):
            super().__init__(env)
            self.observation_space = gym.spaces.Box(-10, 10, (2,), np.float32)

        def observation(self, observation):
            return np.clip(observation[2:], -10, 10)

    def mine(env, seed, steps):
        shaped = gym.wrappers.TransformReward(Half(env), lambda reward: 100 * reward)
        return PPO("MlpPolicy", shaped, seed=seed, **SMALL).learn(steps)

    found = outcome(mine)
    assert all(5 < value <= 60 for point in found["points"] for value in point["returns"])
    assert found["points"][-1]["returns"] == [float(length) for length in found["points"][-1]["lengths"]]
    assert len(found["best"]["actions"]) == found["best"]["value"]


def test_observations_are_normalised_as_the_model_knows_them():
    def mine(env, seed, steps):
        venv = VecNormalize(DummyVecEnv([lambda: env]))
        mine.model = PPO("MlpPolicy", venv, seed=seed, **SMALL).learn(steps)
        return mine.model

    found = outcome(mine)
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=evaluation_seeds(1, 1)[0])
    length, over = 0, False
    while not over and length < 60:
        action, _ = mine.model.predict(
            mine.model.get_vec_normalize_env().normalize_obs(observation), deterministic=True
        )
        observation, _, over, _, _ = env.step(action)
        length += 1
    assert found["points"][-1]["lengths"][0] == length


@pytest.mark.parametrize("wrapper", ["VecNormalize", "TransformAction"])
def test_models_loaded_again_and_policies_are_judged_in_the_wrappers_of_training(wrapper, tmp_path):
    def trained(env, seed, steps):
        swapped = gym.wrappers.TransformAction(env, lambda action: 1 - action, gym.spaces.Discrete(2))
        inside = VecNormalize(DummyVecEnv([lambda: env])) if wrapper == "VecNormalize" else swapped
        return PPO("MlpPolicy", inside, seed=seed, **SMALL).learn(steps)

    def loaded(env, seed, steps):
        trained(env, seed, steps).save(tmp_path / "best")
        return PPO.load(tmp_path / "best", device="cpu")

    def policy(env, seed, steps):
        return trained(env, seed, steps).policy

    def elsewhere(env, seed, steps):
        trained(env, seed, steps)
        return PPO("MlpPolicy", "Acrobot-v1", seed=seed, **SMALL).policy

    returns = [[point["returns"] for point in outcome(each)["points"]] for each in (trained, loaded, policy)]
    assert returns[0] == returns[1] == returns[2]
    with pytest.raises(ValueError, match="Unexpected observation shape"):
        outcome(elsewhere)


def test_an_attribute_of_a_wrapper_is_not_taken_for_the_meter():
    class Metering(gym.Wrapper):
        meter = None

    found = outcome(lambda env, seed, steps: PPO("MlpPolicy", Metering(env), seed=seed, **SMALL).learn(steps))
    assert found["steps"] == 300
    assert len(found["points"]) == 4


def test_a_wrapper_that_evaluation_cannot_follow_gets_a_sentence():
    def mine(env, seed, steps):
        return PPO("MlpPolicy", VecFrameStack(DummyVecEnv([lambda: env]), 2), seed=seed, **SMALL).learn(steps)

    with pytest.raises(LabError, match="cannot follow the wrapper VecFrameStack"):
        outcome(mine)


class Halving(VecEnvWrapper):
    """Shows observations of the same space that are not those of the environment."""

    def reset(self):
        return self.venv.reset() / 2

    def step_wait(self):
        observations, *others = self.venv.step_wait()
        return (observations / 2, *others)


@pytest.mark.parametrize("num_envs", [None, 4])
def test_a_wrapper_of_several_environments_that_evaluation_cannot_follow_gets_a_sentence(num_envs):
    def mine(env, seed, steps):
        lanes = DummyVecEnv([lambda: env]) if num_envs is None else env
        return PPO("MlpPolicy", VecNormalize(Halving(lanes)), seed=seed, **SMALL | {"n_steps": 16}).learn(steps)

    with pytest.raises(LabError, match="cannot follow the wrapper Halving; wrap the single environment instead"):
        outcome(mine, **({} if num_envs is None else {"num_envs": num_envs}))


def test_several_environments_at_once_are_counted_together():
    def mine(env, seed, steps, gamma):
        assert (env.num_envs, gamma) == (4, 0.9)
        return PPO("MlpPolicy", env, seed=seed, gamma=gamma, **SMALL | {"n_steps": 16}).learn(steps)

    found = outcome(mine, num_envs=4, gamma=0.9, env=Environment("counted", counted))
    assert found["steps"] == Counted.taken == 300
    assert steps_of(found) == [0, 128, 256, 300]


def test_a_loop_of_ones_own_is_judged_where_it_is_watched():
    def mine(env, seed, steps):
        model = watch(env, Fixed())
        observation, _ = env.reset(seed=seed)
        while True:  # on and on: the budget ends it
            _, _, terminated, truncated, _ = env.step(model.predict(observation))
            if terminated or truncated:
                observation, _ = env.reset()

    found = outcome(mine)
    assert steps_of(found) == [0, 100, 200, 300]
    assert found["points"][0]["returns"] == found["points"][-1]["returns"]


def test_our_ppo_in_a_function_is_judged_where_it_is_watched():
    def unwatched(env, seed, steps):
        return Ours(env, seed=seed, n_steps=64, batch_size=64).learn(steps)

    def watched(env, seed, steps):
        return watch(env, Ours(env, seed=seed, n_steps=64, batch_size=64)).learn(steps)

    found = outcome(watched)
    assert (found["steps"], found["notes"]["updates"]) == (300, 4)
    assert steps_of(found) == [0, 100, 200, 300]
    with pytest.raises(LabError, match=r"300 steps; .*watch\(env, model\) before training, .* our PPO needs this"):
        outcome(unwatched)


def test_watching_outside_a_comparison_does_nothing():
    model = Fixed()
    assert watch(gym.make("CartPole-v1"), model) is model


def walk(env, steps):
    env.reset(seed=0)
    for _ in range(steps):
        if env.step(env.action_space.sample())[2]:
            env.reset()


def test_an_unwatched_model_is_judged_at_the_end():
    def mine(env, seed, steps):
        walk(env, steps)
        return Fixed(1)

    assert steps_of(outcome(mine)) == [300]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda env: None, "the contender returned nothing; it must return something with a .predict"),
        (lambda env: 3, "the contender returned an object of type int"),
        (lambda env: walk(env, 10_000), "continued after its 300 steps"),
        (lambda env: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_contender_that_gives_no_model_gets_a_sentence(given, words):
    def mine(env, seed, steps):
        env.reset()
        env.step(0)
        return given(env)

    with pytest.raises((LabError, ArithmeticError)) as error:
        outcome(mine)
    assert words in sentence(error.value)


def test_a_contender_that_returns_nothing_is_told_so_though_it_took_no_step_either():
    with pytest.raises(LabError, match="returned nothing"):
        outcome(lambda env, seed, steps: None)


def test_steps_somewhere_else_do_not_count():
    def mine(env, seed, steps):
        return PPO("MlpPolicy", gym.make("CartPole-v1"), **SMALL).learn(64)

    with pytest.raises(LabError, match="was trained, but took no step in the environment that it was given"):
        outcome(mine)


def test_a_return_that_is_not_a_number_gets_a_sentence():
    class Broken(gym.Wrapper):
        def step(self, action):
            observation, _, *rest = self.env.step(action)
            return observation, float("nan"), *rest

    def mine(env, seed, steps):
        walk(env, steps)
        return Fixed()

    with pytest.raises(LabError, match="return of nan"):
        outcome(mine, env=Environment("broken", lambda: Broken(gym.make("CartPole-v1"))))


def test_budget_spent_is_raised_and_can_be_caught():
    def mine(env, seed, steps):
        with pytest.raises(BudgetSpent):
            walk(env, steps + 1)
        return Fixed()

    assert outcome(mine)["steps"] == 300


def test_progress_is_reported_and_seconds_grow():
    told = []
    found = outcome("sb3:ppo", report=lambda step, value: told.append((step, value)), num_envs=2, **SMALL)
    assert [step for step, _ in told] == steps_of(found) == [0, 128, 256, 300]
    seconds = [point["seconds"] for point in found["points"]]
    assert seconds == sorted(seconds)
    assert 0 < seconds[-1] <= found["seconds"] + 1e-9
    assert found["evaluation_seconds"] > 0


def test_a_name_at_its_defaults_is_the_function_that_calls_it():
    def mine(env, seed, steps):
        return PPO("MlpPolicy", env, seed=seed, **SMALL).learn(steps)

    named, called = outcome("sb3:ppo", **SMALL), outcome(mine)
    assert [point["returns"] for point in named["points"]] == [point["returns"] for point in called["points"]]
    assert named["notes"] == called["notes"] == {"updates": 4}


def test_our_ppo_is_a_contender_by_name():
    found = outcome("ppo", env=Environment("rl_lab/CartPole-v1"), num_envs=2, n_steps=32, batch_size=64, n_epochs=1)
    assert found["steps"] == 256  # whole rollouts of 64 within 300
    assert steps_of(found) == [0, 128, 256]
    assert found["notes"] == {"updates": 4}
    with pytest.raises(LabError, match=r"one rollout of mine, 4096 steps \(2 environments times n_steps=2048\)"):
        outcome("ppo", env=Environment("rl_lab/CartPole-v1"), num_envs=2)


class Careless(gym.Wrapper):
    """Takes the seed, and then draws its noise from a stream of its own."""

    noise = np.random.default_rng()

    def reset(self, *, seed=None, options=None):
        seen, info = self.env.reset(seed=seed, options=options)
        return seen + self.noise.normal(0, 0.01, 4).astype(np.float32), info


@pytest.mark.parametrize("careless", [True, False])
def test_an_environment_whose_seed_does_not_decide_its_episodes_gets_a_sentence_in_the_verdict(careless):
    def make():
        return Careless(gym.make("CartPole-v1")) if careless else gym.make("CartPole-v1")

    environment = Environment("world", make)
    plan = Plan([environment], [Contender("mine", "sb3:ppo"), Contender("other", "sb3:ppo")], 300, 1)
    found = outcome(lambda env, seed, steps: Fixed(), env=environment)
    sentences = " ".join(
        wording.spent(
            plan, [Run.from_dict({**found, "environment": "world", "contender": "mine", "seed": 1})], environment
        )
    )
    assert ("two resets with the same seed returned different observations" in sentences) == careless


class Rewards(gym.RewardWrapper):
    """Rewards as some environments give them."""

    def __init__(self, kind):
        super().__init__(gym.make("CartPole-v1"))
        self.kind = kind

    def reward(self, reward):
        return {"array": np.array([reward]), "none": None, "two": np.array([1.0, 2.0])}[self.kind]


@pytest.mark.parametrize("algorithm", ["sb3:ppo", "several", "function", "single observations"])
@pytest.mark.parametrize("kind", ["array", "none", "two"])
def test_rewards_are_one_number_in_an_array_too_and_anything_else_gets_a_sentence(algorithm, kind):
    def learn(env, seed, steps):
        return PPO("MlpPolicy", env, seed=seed, **SMALL).learn(steps)

    def walk(env, seed, steps):
        env.reset(seed=seed)
        env.step(0)
        return Fixed()

    environment = Environment("world", lambda: Rewards(kind))
    more = {"several": {"num_envs": 2}, "sb3:ppo": SMALL}.get(algorithm, {})
    algorithm = {"several": learn, "function": learn, "single observations": walk}.get(algorithm, algorithm)
    if kind == "array":
        assert all(each >= 8 for each in outcome(algorithm, env=environment, **more)["points"][-1]["returns"])
    else:
        with pytest.raises(LabError, match=r"environment 'world': the reward is .*; it must be one number"):
            outcome(algorithm, env=environment, **more)


def test_several_environments_in_place_of_one_get_a_sentence():
    class Batch(gym.Wrapper):
        def reset(self, *, seed=None, options=None):
            seen, info = self.env.reset(seed=seed, options=options)
            return seen[None], info

    environment = Environment("world", lambda: Batch(gym.make("CartPole-v1")))
    with pytest.raises(LabError, match=r"'world' returns observations of shape \(1, 4\), a batch of those .*, \(4,\)"):
        outcome("sb3:ppo", env=environment, **SMALL)


def test_the_environment_of_a_contender_stays_in_its_process():
    def mine(env, seed, steps):
        return PPO("MlpPolicy", SubprocVecEnv([lambda: env]), seed=seed, **SMALL).learn(steps)

    with pytest.raises(LabError, match=r"cannot be sent to another, as SubprocVecEnv does; use DummyVecEnv"):
        outcome(mine)


class Wrong(gym.Wrapper):
    """Does not return what Gymnasium asks for."""

    def __init__(self, kind):
        super().__init__(gym.make("CartPole-v1"))
        self.kind = kind
        if kind == "file":
            Path("/no/such/map.json").read_text()

    def reset(self, *, seed=None, options=None):
        seen, info = self.env.reset(seed=seed, options=options)
        return {"old reset": seen, "no info": (seen, None)}.get(self.kind, (seen, info))

    def step(self, action):
        seen, reward, terminated, truncated, info = self.env.step(action)
        return (
            (seen, reward, terminated, info) if self.kind == "old step" else (seen, reward, terminated, truncated, info)
        )


@pytest.mark.parametrize("algorithm", ["sb3:ppo", "function"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("old reset", r"reset returned array\(.*; it must return \(observation, info\)"),
        ("old step", r"step returned 4 values; it must return \(observation, reward, terminated, truncated, info\)"),
        ("no info", "info is None; it must be a dict"),
        ("file", "cannot be made: FileNotFoundError: .*map.json"),
    ],
)
def test_what_is_not_as_gymnasium_asks_for_names_the_environment(algorithm, kind, words):
    def walk(env, seed, steps):
        env.reset(seed=seed)
        env.step(0)
        return Fixed()

    algorithm, more = (walk, {}) if algorithm == "function" else (algorithm, SMALL)
    with pytest.raises(LabError, match=rf"environment 'world'.* {words}"):
        outcome(algorithm, env=Environment("world", lambda: Wrong(kind)), **more)


@pytest.mark.parametrize(("kind", "value"), [("observations", np.nan), ("observations", np.inf), ("rewards", np.nan)])
def test_what_is_not_finite_names_the_environment_before_sb3_learns_from_it(kind, value):
    class Infinite(gym.Wrapper):
        def step(self, action):
            seen, reward, *rest = self.env.step(action)
            return (seen * np.float32(value), reward, *rest) if kind == "observations" else (seen, value, *rest)

    environment = Environment("world", lambda: Infinite(gym.make("CartPole-v1")))
    with pytest.raises(LabError, match=rf"environment 'world'.* -?{value}; .* must be finite numbers"):
        outcome("sb3:ppo", env=environment, **SMALL)
