"""What has connections, which belong to one process: `Connected`."""

from __future__ import annotations

from typing import NoReturn, Self


class Connected:
    """Base of what has connections. It is its own copy: whatever holds it goes on with the same ones when copied."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A client's connections cannot be pickled: make one in each process, and pass on jobs' ids.")
