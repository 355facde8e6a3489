from __future__ import annotations

from pathlib import Path

import pytest

from ingest_edge.cli.import_files import decoder_process
from ingest_edge.cli.output import Output
from ingest_edge.cli.running import Edge
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.settings import SettingsError, load_settings
from ingest_edge.simulator.activities import pool_swim, truncated


def test_a_variable_chooses_the_decoder(tmp_path: Path) -> None:
    assert load_settings(tmp_path, environment={}).decoder == "native"
    chosen = load_settings(tmp_path, environment={"PULSEMESH_EDGE_DECODER": "fitparse"})
    assert chosen.decoder == "fitparse"


def test_a_decoder_that_there_is_not_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PULSEMESH_EDGE_DECODER: no decoder 'quick'; there are native"):
        load_settings(tmp_path, environment={"PULSEMESH_EDGE_DECODER": "quick"})


def test_an_import_decodes_with_the_decoder_of_its_settings(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"decoder": "fitparse"}, {})
    content = truncated(write_activity(pool_swim(1, 1_714_543_200_000)))
    with decoder_process(Edge(settings, Output(as_json=True))) as process:
        assert process.decode(content).losses
