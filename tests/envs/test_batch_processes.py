"""Batches among threads, forks and new processes, from files, scripts and notebooks."""

import re
import textwrap
import threading
import time

import gymnasium as gym
import numpy as np
import pytest

import rl_lab  # noqa: F401

ROBOT = "rl_lab/Robot-DoorKey-8x8-v0"


def test_one_thread_starts_no_other_and_no_openmp(python):
    output = python(f"""
        import os, re, sys, threading
        import gymnasium as gym
        import rl_lab
        import numpy
        def tasks():
            return len(os.listdir("/proc/self/task"))
        before = tasks()
        vector = gym.make_vec("{ROBOT}", num_envs=256)
        vector.reset(seed=0)
        for _ in range(20):
            vector.step(vector.action_space.sample())
        from numba.np.ufunc import parallel
        libraries = open("/proc/self/maps").read()
        assert not re.search("lib(gomp|omp|iomp5|tbb)[.-]", libraries)
        print(tasks() - before, threading.active_count(), parallel._is_initialized, "concurrent.futures" in sys.modules)
        two = gym.make_vec("{ROBOT}", num_envs=256, threads=2)
        two.reset(seed=0)
        two.step(two.action_space.sample())
        print(threading.active_count() > 1, parallel._is_initialized)
    """)
    assert output.splitlines()[0].startswith("0 1 False")
    assert output.splitlines()[1] == "True False"


FORK = f"""
    import os, sys
    import gymnasium as gym
    import numpy as np
    import rl_lab
    vector = gym.make_vec("{ROBOT}", num_envs=64, threads=THREADS)
    vector.reset(seed=0)
    actions = np.ones(64, int)
    vector.step(actions)
    child = os.fork()
    if child == 0:
        for _ in range(50):
            vector.step(actions)
        np.save("child.npy", vector.save_state())
        sys.exit(0)
    for _ in range(50):
        vector.step(actions)
    assert os.waitpid(child, 0)[1] == 0
    print(vector.save_state().tobytes() == np.load("child.npy").tobytes())
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_forked_children_go_on(python, threads):
    assert python(FORK.replace("THREADS", str(threads))) == "True\n"


def test_async_vector_env_after_threads(python):
    output = python(f"""
        import gymnasium as gym
        import numpy as np
        import rl_lab
        from gymnasium.vector import AsyncVectorEnv
        if __name__ == "__main__":
            vector = gym.make_vec("{ROBOT}", num_envs=64, threads=2)
            vector.reset(seed=0)
            vector.step(np.ones(64, int))
            workers = AsyncVectorEnv([lambda: gym.make("{ROBOT}")] * 2, context="fork")
            observations, _ = workers.reset(seed=[5, 6])
            for _ in range(10):
                observations, *_ = workers.step(np.array([1, 2]))
            workers.close()
            here = gym.make("{ROBOT}")
            here.reset(seed=6)
            for _ in range(10):
                observation, *_ = here.step(2)
            print(np.array_equal(observations[1], observation))
    """)
    assert output.splitlines()[-1] == "True"


def test_threads_may_step_parallel_environments_at_once():
    def run(seed, threads):
        vector = gym.make_vec(ROBOT, num_envs=128, threads=threads)
        vector.reset(seed=seed)
        for t in range(60):
            vector.step((np.arange(128) + t) % 7)
        return vector.unwrapped.save_state().tobytes()

    expected, results = [run(seed, 1) for seed in range(4)], {}
    threads = [threading.Thread(target=lambda s=s: results.update({s: run(s, 3)})) for s in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[seed] for seed in range(4)] == expected


def test_a_second_process_starts_without_compiling(python, capsys):
    script = f"""
        import logging, sys
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
        import gymnasium as gym
        import rl_lab
        vector = gym.make_vec("{ROBOT}", num_envs=4096)
        vector.reset(seed=0)
        vector.step(vector.action_space.sample())
    """
    python(script)
    start = time.perf_counter()
    assert "compiling" not in python(script)
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nfrom `python` to the first batched step: {seconds:.2f} s (goal: 2.5 s)")
    assert seconds < 10  # a loaded machine may miss the goal, recompiling would miss this


WALK = '''
import time
import numpy as np
from gymnasium.spaces import Box, Discrete
from rl_lab.envs import Definition, register

LENGTH = 0.25


def reset(state, config):
    state.x = 0.0


def step(state, action, config):
    state.x += LENGTH if action == 1 else -LENGTH
    return 1.0, abs(state.x) > 1.0


def observe(state, observation, config):
    observation[0] = state.x


def walk(max_steps=100):
    """Walk up and down a line."""
    return Definition("Walk", np.dtype([("x", "f8")]), {"max_steps": max_steps}, reset, step, observe,
                      Box(-2, 2, (1,), np.float32), Discrete(2))


register("mine/Walk-v0", walk)
'''
USE = """
import gymnasium as gym
vector = gym.make_vec("mine/Walk-v0", num_envs=3)
vector.reset(seed=0)
print("observed", vector.step(np.ones(3, int))[0][:, 0])
"""


def test_an_environment_in_a_script(python):
    start = time.perf_counter()
    assert "observed [0.25 0.25 0.25]" in python(WALK + USE)
    assert "observed [0.5 0.5 0.5]" in python(WALK.replace("LENGTH = 0.25", "LENGTH = 0.5") + USE)
    assert time.perf_counter() - start < 20  # twice from an edit to the first step


def test_an_environment_in_notebook_cells(python):
    output = python(f"""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        for cell in [{WALK!r}, {USE!r}, "LENGTH = 0.125", {USE!r}]:
            shell.run_cell(cell).raise_error()
    """)
    assert re.findall(r"observed \[(\S+)", output) == ["0.25", "0.125"]


def test_a_mistake_names_the_users_line(python):
    for right, wrong, line, reason in [
        ("state.x = 0.0", "state.y = 0.0", 11, "state has no field 'y'"),
        ("abs(state.x)", "abs(state.x, 3)", 16, "there is no abs"),
        ("observation[0] = state.x", "observation[0] = 'x'", 20, "there is no setitem"),
    ]:
        script = textwrap.dedent(WALK + USE).replace(right, wrong)
        output = python(script, ok=False)
        last = output.strip().splitlines()[-1]
        assert last.startswith("rl_lab.errors.KernelError: kernel ")
        assert reason in last
        assert f"script.py, line {line}: " in last
        assert "site-packages/numba" not in output


def test_no_shipped_loop_is_compiled_anew_in_every_process():
    for id in gym.registry:
        if id.startswith("rl_lab/") and ("Robot-" not in id or "DoorKey" in id):
            vector = gym.make_vec(id, num_envs=2)
            vector.reset(seed=0)
            vector.step(vector.action_space.sample())
            lanes = vector.unwrapped.lanes
            for loop in (lanes._reset, lanes._observe, lanes._step):
                assert loop.files
                assert all(file.exists() for file in loop.files)
