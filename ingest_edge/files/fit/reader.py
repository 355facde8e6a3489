"""Reading a FIT file whole."""

from __future__ import annotations

from collections.abc import Collection

from ingest_edge.files.activity import Loss
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.fit.content import EveryOffset, FitContent, LinkContent
from ingest_edge.files.fit.scan import LinkScan, ScanBudget
from ingest_edge.files.fit_links import split_links

_LARGEST = (1 << 32) - 1


def read_fit(content: bytes, *, wanted: Collection[int] | None = None) -> FitContent:
    """Read all messages, or those with the `wanted` global numbers.

    Raises nothing, whatever the bytes are: what is whole is there, and `FitContent.errors` has the rest. The
    tables share the bytes given; their columns are made when they are first looked at.
    """
    if len(content) > _LARGEST:
        return FitContent((), (Loss(0, f"larger than {_LARGEST} bytes"),))
    links: list[LinkContent] = []
    errors: list[Loss] = []
    budget = ScanBudget(len(content))
    file = EveryOffset()
    try:
        for link in split_links(content):
            if not budget.take_link():
                errors.append(Loss(link.data_offset, "more chained files than any device writes"))
                break
            scan = LinkScan(content, link.data_offset, link.data_end, budget)
            losses = (*link.losses, *scan.losses)
            errors += losses
            file.rows += scan.rows
            links.append(LinkContent(content, scan.rows, losses, file, wanted))
    except UnreadableFile as error:
        errors.append(Loss(error.offset, error.reason))
    return FitContent(tuple(links), tuple(errors))
