"""Secrets are fed through every way of saying something; none comes out."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog

from gpu_shopper.ports.vault import KeyPair, Secret
from gpu_shopper.runtime.logging import LogFormat, set_up_logging
from gpu_shopper.runtime.metrics import PrometheusMeter
from gpu_shopper.runtime.redaction import Redactor, is_secret_name
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.testing.chance import SeededChance

VAULT = DeploymentVault(b"k" * 32, SeededChance(1))
PAIR = VAULT.new_key_pair(comment="c")
PRIVATE = PAIR.private.text
PLAIN = "zX9-provider-key"  # Has no look of its own: it must be known by heart.
TOKEN = VAULT.new_token(prefix="cgs_pat").text
SECRETS = {
    "a token": TOKEN,
    "an agent's token": f"token is {TOKEN}, he said",
    "a private key": PRIVATE,
    "a quoted private key": repr(PRIVATE),
    "a private key cut off": PRIVATE[:120],
    "a header": f"Authorization: Bearer {'s3cr3tpart' * 3}",
    "a basic header": f"authorization='Basic {'s3cr3tpart' * 3}'",
    "a bare bearer": f"bearer {'s3cr3tpart' * 3}",
    "a query": f"GET /x?api_key={'s3cr3tpart' * 3}&page=2",
    "an address with a login": f"https://user:{'s3cr3tpart' * 3}@host/x",
    "JSON": json.dumps({"access_token": "s3cr3tpart" * 3, "n": 1}),
    "a known key": f"key was {PLAIN}!",
}
FRAGMENTS = (
    "s3cr3tpart",
    PLAIN,
    TOKEN[8:20],
    PRIVATE.splitlines()[2][:30],
    PRIVATE.splitlines()[1][:30],
)


@dataclass
class Holder:
    what: object


@pytest.fixture(params=list(LogFormat))
def stream(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logging(Redactor([PLAIN]), form=request.param, level="debug", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def say_everywhere(secret: str) -> None:
    log = structlog.get_logger("test")
    meter = PrometheusMeter()
    log.info(
        "event", text=secret, nested={"deep": [{"er": (secret, {secret})}]}, raw=secret.encode()
    )
    log.info("event", Authorization=secret, apiKey=secret, password=secret)
    said = f"said {secret}"
    log.info(said)
    log.bind(bound=secret).warning("event", holder=Holder(secret), error=ValueError(secret))
    meter.event("event", text=secret)
    meter.alarm("event", detail={"text": secret})
    with structlog.contextvars.bound_contextvars(context=secret):
        log.info("event")
    standard = logging.getLogger("somebody.else")
    standard.warning("said %s", secret)
    standard.warning("fields", extra={"note": secret})
    try:
        try:
            {}[secret]
        except KeyError as error:
            raise RuntimeError(f"because of {secret}") from error
    except RuntimeError:
        log.exception("failed", text=secret)
        standard.exception("failed %s", secret)
        log.exception("failed", stack_info=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(secret, stacklevel=1)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_no_secret_comes_out_by_any_way(stream: io.StringIO, secret: str) -> None:
    say_everywhere(secret)

    said = stream.getvalue()
    assert said.count("\n") >= 12
    for fragment in FRAGMENTS:
        assert fragment not in said


def test_whatever_stands_under_a_telling_name_is_gone() -> None:
    redacted = Redactor().fields(
        {
            "token": "x",
            "apiKey": "x",
            "SSH-Private-Key": "x",
            "deep": {"clientSecret": ["x"]},
            "n": 1,
        }
    )

    assert redacted == {
        "token": "•••", "apiKey": "•••", "SSH-Private-Key": "•••", "deep": {"clientSecret": "•••"}, "n": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["token_id", "key", "host_key", "public_key", "idempotency_key", "session", "tokens_used"],
)
def test_harmless_names_stay_readable(name: str) -> None:
    assert not is_secret_name(name)


def test_secret_types_and_pairs_do_not_print_themselves() -> None:
    redacted = Redactor().fields(
        {"one": Secret("x1y2"), "two": KeyPair(private=Secret("x1y2"), public="ssh-ed25519 A")}
    )

    assert "x1y2" not in str(redacted)
    assert "ssh-ed25519 A" in str(redacted)


def test_other_words_are_left_alone() -> None:
    text = "session ses_abc on gs1-aaaa-bbbb at 127.0.0.1:22: bearer of news, basic facts, 3 tokens: fine"

    assert Redactor().text(text).replace("•••", "of") == text


def test_a_line_is_json_with_time_level_and_fields() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up_logging(Redactor(), form=LogFormat.JSON, level="info", stream=stream)
    structlog.get_logger("x").debug("hidden")
    structlog.get_logger("x").info("shown", session="ses_a", seconds=1.5, none=None)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()

    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert ("shown", "info", "ses_a", 1.5, None) == tuple(
        said[name] for name in ("event", "level", "session", "seconds", "none")
    )
    assert said["timestamp"].endswith("Z")
