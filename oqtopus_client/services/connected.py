"""Base class of objects that own connections: `Connected`."""

from __future__ import annotations

from typing import NoReturn, Self


class Connected:
    """Base of objects that own connections. Copying returns the same object; pickling is refused."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A client cannot be pickled: create one in each process, and pass job ids instead.")
