"""Errors whose text or notes differ from the base classes'."""

from __future__ import annotations

import pickle
import traceback

from oqtopus_client.errors import JobFailedError, ProgramError


def test_a_programs_traceback_is_shown_below_the_error() -> None:
    """Line by line, without characters that control a terminal; the error survives pickling."""
    text = 'File "vqe.py", line 3\n\tfail(\x1b[2J)\n'
    error = ProgramError("a1", "raised ValueError: no.", type_name="ValueError", error_message="no", traceback=text)
    shown = traceback.format_exception(pickle.loads(pickle.dumps(error)))  # noqa: S301 - our own

    assert isinstance(error, JobFailedError)
    assert "".join(shown) == (
        "oqtopus_client.errors.ProgramError: Job a1: raised ValueError: no.\n"
        '\nThe program reported:\nFile "vqe.py", line 3\n    fail([2J)\n'
    )
    assert (error.type_name, error.error_message, error.traceback) == ("ValueError", "no", text)


def test_a_program_that_reported_no_error() -> None:
    """Nothing is known but the message."""
    error = ProgramError("a1", "ran out of memory.")

    assert (error.type_name, error.error_message, error.traceback) == (None, None, None)
    assert not hasattr(error, "__notes__")
