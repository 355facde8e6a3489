"""The ledger of checkpoints: the signed heads of all chains of a folder, a chain itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.chassis.audit.chain import ChainFile
from services.chassis.audit.entries import Entry, EntryKind, canonical
from services.chassis.audit.signing import CheckpointKey, PublicKeys

LEDGER_FILE = "checkpoints.jsonl"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A chain was so long, and its head had this hash.

    Attributes:
        file: the chain's file, a name in the folder.
        number: the checkpoint's own place in the ledger.
        key_id, signature: by which it is believed.
    """

    file: str
    chain: str
    sequence: int
    hash: str
    number: int
    key_id: str
    signature: str

    def believed(self, keys: PublicKeys) -> bool:
        """Whether a known key signed it."""
        return keys.verifies(self.key_id, self.signature, _signed(self._claim(), self.number))

    def _claim(self) -> dict[str, Any]:
        return {
            "chain": self.chain,
            "file": self.file,
            "hash": self.hash,
            "key_id": self.key_id,
            "sequence": self.sequence,
        }


def _signed(claim: Mapping[str, Any], number: int) -> bytes:
    return b"pulsemesh audit checkpoint\0" + canonical({**claim, "number": number})


def read_checkpoint(entry: Entry) -> Checkpoint:
    """The checkpoint of a ledger's entry.

    Raises:
        ValueError: the entry is none.
    """
    body = entry.body
    try:
        return Checkpoint(
            file=str(body["file"]),
            chain=str(body["chain"]),
            sequence=int(body["sequence"]),
            hash=str(body["hash"]),
            number=entry.sequence,
            key_id=str(body["key_id"]),
            signature=str(body["signature"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("the entry is no checkpoint") from error


class Ledger:
    """Adds checkpoints; several processes may, one after another."""

    def __init__(self, path: Path, key: CheckpointKey) -> None:
        self._path = path
        self._key = key

    def add(self, chain: ChainFile) -> Checkpoint:
        """Sign the head of a chain, which must not be empty.

        Raises:
            OSError, ChainDamaged: the ledger cannot be continued.
        """
        head = chain.head
        if head is None:
            raise ValueError("an empty chain has no head to sign")
        claim = {
            "chain": head.chain,
            "file": chain.path.name,
            "hash": head.hash,
            "key_id": self._key.key_id,
            "sequence": head.sequence,
        }
        ledger = ChainFile(self._path, wait=True)
        try:
            number = ledger.head.sequence + 1 if ledger.head else 1
            signature = self._key.sign(_signed(claim, number))
            entry = ledger.append(EntryKind.CHECKPOINT, claim | {"signature": signature})
            ledger.sync()
        finally:
            ledger.close()
        return read_checkpoint(entry)
