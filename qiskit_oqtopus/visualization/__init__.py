"""Pictures of chips and jobs, drawn with matplotlib.

Needs the extra `visualization`: `pip install 'oqtopus-client[visualization]'`.
"""

try:
    import matplotlib  # noqa: F401, ICN001 - to check whether it is installed
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"Pictures need matplotlib ({error}): pip install 'oqtopus-client[visualization]'", name=error.name
    ) from error
