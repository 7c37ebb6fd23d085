"""Compiling in a process of its own, so that the same code comes out whatever this process did before.

Machine code depends on what its process compiled earlier: calls that were not inlined may end in an earlier copy of the
called function, optimised in another context and rounded differently. With `fastmath` a training would then depend on
what was compiled before it; exact code has one result however it is optimised, and is compiled where it is wanted,
unless it is so large that this process is done sooner. It also keeps the compiler's memory, some hundred megabytes, out
of the user's.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
from typing import Any

from rl_lab.errors import KernelError
from rl_lab.jit import generated
from rl_lab.jit.module import Module

# Unpickling imports what the signature refers to, which may print. Numba optimises each function, with all that it
# calls, again on every level of calls, and makes machine code of it. Nothing runs here, so that the entry alone needs
# that where it is large or fast. A Numba that looks different inside does it for all, in this process always. What is
# garbage stays, which is sooner than to look for it.
CHILD = """
import gc, json, os, pickle, sys
gc.disable()
out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
sys.path[:] = pickle.load(sys.stdin.buffer)
settings, name, module = pickle.load(sys.stdin.buffer)
from numba.core import codegen, config
from rl_lab.jit import linking
vars(config).update(settings)
def of_the_entry(step, otherwise):
    whole = getattr(codegen.CPUCodeLibrary, step, None)
    if whole:
        setattr(codegen.CPUCodeLibrary, step, lambda self: (whole if self.name == module.entry else otherwise)(self))
def finalize_inner(library):
    library._finalize_dynamic_globals()
    library._finalized = True
if module.entry_alone:
    of_the_entry("_optimize_final_module", lambda library: None)
    of_the_entry("_finalize_final_module", finalize_inner)
codegen.JITCPUCodegen.set_env = lambda self, name, environment: None
try:
    code = linking.compiled(name, module, pickle.load(sys.stdin.buffer))
except Exception as error:
    is_key = isinstance(error, KeyError)
    out.write(json.dumps([is_key, str(error.args[0] if is_key and error.args else error)]).encode())
    out.close()
    sys.exit(1)
out.write(code or b"")
out.close()
"""


def compile_apart(module: Module, name: str, signature: tuple[Any, ...], label: str) -> bytes | None:
    """The machine code of a generated module, compiled in a process of its own; None where it cannot be kept.

    Args:
        module: what to compile.
        name: under which it is run.
        signature: Numba's types of the arguments.
        label: what users know it by.

    Raises:
        KernelError: the process did not end as it should.
        KeyError, RuntimeError: what Numba raised there.
    """
    parts = sys.path, (generated.numba_settings(), name, module), signature
    flags = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    command = [sys.executable, "-P", *flags, "-c", CHILD]  # -P: nothing in the working folder is imported
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        words = b"".join(map(pickle.dumps, parts))
        done = subprocess.run(command, input=words, capture_output=True, env=environment, check=False)
    except OSError as error:
        raise KernelError(f"{label} cannot be compiled: no process can be started for it ({error})") from None
    if done.returncode == 0:
        return done.stdout or None
    try:
        is_key, text = json.loads(done.stdout)
    except ValueError:
        raise KernelError(f"{label} cannot be compiled: its process {_end(done)}") from None
    raise KeyError(text) if is_key else RuntimeError(text)


def _end(done: subprocess.CompletedProcess[bytes]) -> str:
    """How a process ended."""
    if done.returncode < 0:
        return f"was ended by {signal.Signals(-done.returncode).name}; see whether memory is short"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"ended with status {done.returncode} ({lines[-1] if lines else 'without a word'})"
