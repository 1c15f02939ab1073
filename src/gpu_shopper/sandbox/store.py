"""The sandbox's own folder: one program at a time, and a state that survives its death.

The state is one JSON file, replaced whole and synced before anyone is told of a change, so it is
always either the old one or the new one.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from gpu_shopper.sandbox.messages import Json


class StateDirBusyError(Exception):
    """Another sandbox uses the folder."""


class StateDirUnreadableError(Exception):
    """The state in the folder can't be understood."""


class StateDir:
    """The folder, held for this program alone until it ends."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.instances = root / "instances"
        self.instances.mkdir(mode=0o700, exist_ok=True)
        self.state_file = root / "state.json"
        self._lock = _hold(root / "lock")

    def load(self) -> Mapping[str, Json] | None:
        """Return the state as it was last saved, None in a new folder.

        Raises:
            StateDirUnreadableError: it is damaged.
        """
        try:
            raw = self.state_file.read_bytes()
        except FileNotFoundError:
            return None
        try:
            state: dict[str, Json] = msgspec.json.decode(raw, type=dict)
        except msgspec.DecodeError as error:
            raise StateDirUnreadableError(f"{self.state_file}: {error}") from error
        return state

    def save(self, state: bytes) -> None:
        """Replace the state; it is on the disk when this returns."""
        draft = self.state_file.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.state_file)
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _hold(path: Path) -> IO[str]:
    lock = path.open("w", encoding="utf-8")
    try:
        # Not inheritable, so that instances, which live on, do not hold the folder.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StateDirBusyError(
            f"another sandbox uses {path.parent}: end it, or choose another --state-dir"
        ) from error
    return lock
