"""Writes an `Activity` in the formats that other programs read; FIT is in `ingest_edge.files.fit_encoder`.

Parquet is in `ingest_edge.files.writers.parquet`, which needs pyarrow.
"""

from ingest_edge.files.writers.errors import UnsuitableFormat
from ingest_edge.files.writers.gpx import check_gpx, write_gpx
from ingest_edge.files.writers.tcx import check_tcx, write_tcx
from ingest_edge.files.writers.text_csv import write_csv

__all__ = ["UnsuitableFormat", "check_gpx", "check_tcx", "write_csv", "write_gpx", "write_tcx"]
