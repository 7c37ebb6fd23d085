"""Functions that users give."""

import inspect
from typing import Any


def refusal(function: Any, *arguments: Any) -> str:
    """Why something cannot be called with these arguments; empty where it can, or where its signature is not known."""
    if not callable(function):
        return "it is no function"
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        return str(error)
    except ValueError:  # a builtin without a signature
        pass
    return ""
