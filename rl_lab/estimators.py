"""What all that is fitted shares, with labels or without: scikit-learn's conventions for parameters and samples."""

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_lab.callables import refusal
from rl_lab.errors import LabError, short
from rl_lab.validation import UNREADABLE, real, refuse_masked, whole, whole_number


class ParameterMixin:
    """The arguments of a constructor, read and changed by name; what is fitted has names that end in `_`."""

    n_features_in_: int
    feature_names_in_: NDArray[Any]

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor; raises a LabError where there is no such argument."""
        for name, value in params.items():
            if name not in self._names():
                raise LabError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(self._names())}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        default = inspect.signature(type(self)).parameters
        changed = {name: value for name, value in self.get_params().items() if value != default[name].default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @contextmanager
    def _unless_refused(self) -> Iterator[None]:
        """What was fitted before stays whole where a fit fails."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    @staticmethod
    def _rows(X: ArrayLike, width: int | None = None) -> NDArray[np.float32]:
        if hasattr(X, "toarray"):
            raise LabError("X is sparse; give X.toarray()")
        refuse_masked("X", X)
        try:
            if (given := np.asarray(X)).dtype.kind == "c":
                raise LabError("X holds complex numbers; give their real and imaginary parts as features of their own")
            if given.dtype.kind in "mM":
                raise LabError(f"X holds {given.dtype}; give numbers, such as days since the first")
            with np.errstate(over="ignore"):  # what becomes infinite is refused below
                rows = np.ascontiguousarray(given, np.float32)
        except LabError:
            raise
        except UNREADABLE as error:
            raise LabError(f"X cannot be read as numbers ({error}); it must be (samples, features)") from None
        if np.ndim(X) == 1 and rows.size:
            raise LabError(
                f"X has shape {np.shape(X)}; it must be (samples, features): X.reshape(1, -1) is one sample, and "
                "X.reshape(-1, 1) has one feature"
            )
        if rows.ndim != 2 or 0 in rows.shape:
            raise LabError(f"X has shape {np.shape(X)}; it must be (samples, features), with at least one of each")
        if width is not None and rows.shape[1] != width:
            raise LabError(f"X has {rows.shape[1]} features; this one was fitted to {width}")
        if not np.isfinite(rows).all():
            row, column = np.argwhere(~np.isfinite(rows))[0]
            raise LabError(
                f"X[{row}, {column}] is {np.asarray(X)[row, column]}; every number must be finite, in float32"
            )
        return rows

    def _fitted_rows(self, X: ArrayLike) -> NDArray[np.float32]:
        """Samples with the features that it was fitted to."""
        self._check_names(X)
        return self._rows(X, self.n_features_in_)

    def _check_names(self, X: Any, fitting: bool = False) -> None:
        """Refuse columns of a data frame in another order than that in which they were learned."""
        columns = getattr(X, "columns", None)
        names = None if columns is None or not all(isinstance(name, str) for name in columns) else np.array(columns)
        if fitting:
            if names is not None:
                self.feature_names_in_ = names
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif names is not None and names.tolist() != getattr(self, "feature_names_in_", names).tolist():
            raise LabError(
                f"X has the columns {names.tolist()}; this one was fitted to {self.feature_names_in_.tolist()}, and "
                "their order counts: X[fitted.feature_names_in_]"
            )

    def _check_whole(self, **least: int) -> None:
        """Refuse parameters that are no whole numbers of at least so much."""
        for name, lowest in least.items():
            whole_number(name, getattr(self, name), lowest)

    def _check_at_least_0(self, *names: str) -> None:
        """Refuse parameters that are no finite numbers of at least 0."""
        for name in names:
            if not real(value := getattr(self, name), 0, sys.float_info.max):
                raise LabError(f"{name}={value!r} is not allowed; it must be a number of at least 0")


def check_report(report: Callable[..., Any] | None) -> None:
    """Refuse what cannot be called with one argument."""
    if report is not None and (reason := refusal(report, None)):
        raise LabError(f"report={short(report)} is not allowed ({reason}); give a function of the history, or None")


def check_layers(sizes: Any) -> None:
    """Refuse units of hidden layers that are no whole numbers of at least 1."""
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not all(whole(units, 1) for units in sizes):
        raise LabError(f"hidden_layer_sizes={sizes!r} is not allowed; it must be whole numbers, such as (64, 64)")
