"""Journal entries as batches: `by_batch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oqtopus_client.rest.enums import JobsJobType
from qiskit_oqtopus.tags import Tag, first_of_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oqtopus_client.services.journal import JournalEntry

CIRCUIT_JOBS = frozenset({JobsJobType.SAMPLING, JobsJobType.MULTI_MANUAL})
"""Types of jobs that are decoded as circuits, whichever software submitted them."""


def by_batch(entries: Iterable[JournalEntry]) -> dict[str, list[JournalEntry]]:
    """Group journal entries by batch id, single jobs under their own id, in the order of the journal.

    A batch is recorded in one transaction, so an entry that names an incomplete batch, or repeats a tag, was submitted
    later with a copied description.
    """
    entries = list(entries)
    tagged: dict[str, list[tuple[JournalEntry, Tag]]] = {}
    for entry in entries:
        if tag := Tag.of(entry.spec.description):
            tagged.setdefault(tag.batch_id, []).append((entry, tag))
    batches = {batch_id: first_of_each(pairs) for batch_id, pairs in tagged.items()}
    whole = {batch_id: batch for batch_id, batch in batches.items() if len(batch) == tagged[batch_id][0][1].total}
    batch_of = {entry.number: batch_id for batch_id, batch in whole.items() for entry in batch}
    found: dict[str, list[JournalEntry]] = {}
    for entry in entries:
        if (batch_id := batch_of.get(entry.number)) or entry.spec.job_type in CIRCUIT_JOBS:
            found.setdefault(batch_id or entry.job_id or "", []).append(entry)
    return found
