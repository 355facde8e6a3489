from __future__ import annotations

from pathlib import Path

import pytest

from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.isolation import DecoderProcess
from ingest_edge.simulator.activities import pool_swim


def test_the_real_decoder_reads_a_path_in_the_other_process(tmp_path: Path) -> None:
    file = tmp_path / "swim.fit"
    file.write_bytes(write_activity(pool_swim(1, 1_780_000_200_000)))
    with DecoderProcess(FitparseDecoder()) as process:
        activity = process.decode(file)
        assert activity.sessions == FitparseDecoder().decode(file).sessions
        with pytest.raises(FileNotFoundError):
            process.decode(tmp_path / "missing.fit")
