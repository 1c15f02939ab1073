"""The deployment key on disk: made once, readable by its owner alone, never replaced.

It is one line that secret scanners know, with a checksum: `cgs_key_…`. Whoever has it can make our
labels and tokens and open what is sealed; who loses it can no longer tell our instances from others.
"""

import os
import stat
from pathlib import Path

from gpu_shopper.domain.errors import Refusal
from gpu_shopper.ports.chance import Chance
from gpu_shopper.runtime.tokens import secret_of, write_token
from gpu_shopper.runtime.vault import KEY_BYTES

_PREFIX = "cgs_key"
_LONGEST = 1024


class KeyFileRefused(Refusal):
    """The file of the deployment key cannot be used as it is."""

    code = "key_file"


def load_or_create_key(path: Path, chance: Chance) -> bytes:
    """Return the 32 bytes in `path`; where there is no such file, make it first.

    Raises:
        KeyFileRefused: it is open to others, damaged, or cannot be read or written.
    """
    try:
        if not path.exists():
            _create(path, chance)
        return _load(path)
    except OSError as error:
        message = f"the deployment key {path} cannot be used: {error.strerror or error}"
        raise KeyFileRefused(message, hint="check the path and its owner") from error


def _load(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise KeyFileRefused(f"the deployment key {path} is not a file")
        if facts.st_mode & 0o077:
            mode = stat.S_IMODE(facts.st_mode)
            raise KeyFileRefused(
                f"the deployment key {path} is open to others (mode {mode:04o})",
                hint=f"chmod 600 {path}",
            )
        text = os.read(descriptor, _LONGEST)
    finally:
        os.close(descriptor)
    try:
        return secret_of(text.decode("ascii").strip(), prefix=_PREFIX, count=KEY_BYTES)
    except ValueError as error:
        # Not chained: an error about the text could repeat a part of it.
        hint = "put it back from your backup; a new key would not know the instances that run"
        raise KeyFileRefused(
            f"the deployment key {path} is damaged: {_reason(error)}", hint=hint
        ) from None


def _reason(error: ValueError) -> str:
    return "it is not text" if isinstance(error, UnicodeDecodeError) else str(error)


def _create(path: Path, chance: Chance) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{chance.draw_bits(64):016x}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(write_token(_PREFIX, chance.token_bytes(KEY_BYTES)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces: of two first starts at once, both read the same key.
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
