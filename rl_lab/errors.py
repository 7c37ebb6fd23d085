"""Errors that a user can act on: one sentence that names the value, what is allowed and what to do."""


class LabError(ValueError):
    """Bad input. The command line prints its sentence without a traceback and exits with code 2."""


class KernelError(LabError):
    """A kernel cannot be compiled; the sentence names the kernel, its file and its line."""


class RenderModeError(LabError, TypeError):
    """An environment does not draw in this mode; a TypeError too, after which SB3's `make_vec_env` tries without."""


class MissingMethod(LabError, AttributeError):
    """An object of this kind does not have the method; an AttributeError too, for those who ask with `hasattr`."""
