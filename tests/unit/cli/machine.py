"""A user's machine for the tests of commands."""

import csv
import io
from pathlib import Path

from click.testing import CliRunner, Result

from gpu_shopper.cli.main import cli
from gpu_shopper.cli.situation import Situation
from gpu_shopper.client import Surroundings
from tests.unit.client.fake_server import NOW


class Machine:
    """A user's machine: a home, an environment, and programs that are only noted down."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.environ = {"GPU_SHOPPER_URL": url, "USER": "me"}
        self.ran: list[list[str]] = []
        self.exit_code = 0
        self.passed_s = 0.0
        self.on_sleep = lambda: None

    def sleep(self, seconds: float) -> None:
        self.passed_s += seconds
        self.on_sleep()

    def run_program(self, arguments) -> int:
        self.ran.append(list(arguments))
        return self.exit_code

    def __call__(self, *arguments: str, text: str = "") -> Result:
        surroundings = Surroundings(
            monotonic=lambda: self.passed_s, sleep=self.sleep, draw_key=lambda: "key-1"
        )
        situation = Situation(
            environ=self.environ, home=self.home, clock_face=lambda: "12:00:00", now=NOW.timestamp,
            run_program=self.run_program, client_options={"surroundings": surroundings},
        )  # fmt: skip
        return CliRunner().invoke(cli, list(arguments), obj=situation, input=text)

    @property
    def data(self) -> Path:
        return self.home / ".local/state/gpu-shopper"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))
