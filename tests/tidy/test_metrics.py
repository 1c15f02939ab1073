"""Every metric has its line in the reference, and is counted, timed or read somewhere."""

import re
from pathlib import Path

from gpu_shopper.runtime.metric_table import METRICS, PREFIX

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "metrics.md"


def rows() -> dict[str, tuple[str, str, str]]:
    found = re.findall(
        r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(), re.MULTILINE
    )
    return {name: (kind, labels.strip(), text.strip()) for name, kind, labels, text in found}


def test_the_page_lists_every_metric_and_no_other() -> None:
    expected = {
        PREFIX + metric.name: (
            metric.type.value,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.help,
        )
        for metric in METRICS
    }

    assert expected == rows()


def test_every_metric_is_fed_somewhere() -> None:
    code = "\n".join(
        path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "metric_table.py"
    )

    assert [] == [metric.name for metric in METRICS if f'"{metric.name}"' not in code]
