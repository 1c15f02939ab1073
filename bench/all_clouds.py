"""The first whole menu of all clouds at once, and what one that hangs costs the others.

Every simulated vendor answers late, each by another time. A fresh server is asked for its inventory from the moment it
listens until every cloud's offers are in it: with each cloud alone, with all of them, and with each of them hanging in turn.
"""

import time
from collections.abc import Mapping, Sequence

from _places import PATIENCE_S, Place, ask, place
from _table import Figure, options, percentile, show
from _vendors import Vendor, vendors

_RUNS = 3
_EARLIEST_S, _LATEST_S = 0.05, 0.9
_OFFERS = 300


def _menu(here: Place, configured: Sequence[Vendor], wanted: Sequence[Vendor]) -> dict[str, float]:
    """Return after how many seconds of asking each wanted cloud's offers were in the inventory of a fresh server."""
    settings = {key: value for vendor in configured for key, value in vendor.settings.items()}
    server = here.server(here.data(), sandbox_autostart="never", **settings)
    began, names = time.monotonic(), {vendor.name for vendor in wanted}
    found: dict[str, float] = {}
    try:
        while names - found.keys():
            _, page = ask(server.url, "GET", "/api/v1/inventory?limit=1")
            passed = time.monotonic() - began
            there = {one["name"] for one in page.get("providers", ()) if one["offers"]}
            found |= dict.fromkeys((names & there) - found.keys(), passed)
            if passed > PATIENCE_S:
                raise TimeoutError(f"{names - found.keys()} never came")
            time.sleep(0.005)
    finally:
        # It need not be asked nicely: some of its requests hang.
        server.process.kill()
        server.process.wait()
    return found


def _middle(runs: Sequence[float]) -> float:
    return percentile(runs, 0.5)


def _cost_of_hanging(
    here: Place, all_of: Sequence[Vendor], vendor: Vendor, usual: Mapping[str, float]
) -> tuple[float, str]:
    """Return by how much later, at most, another cloud's offers came while one hangs, and whose."""
    others = [one for one in all_of if one is not vendor]
    vendor.hangs = True
    try:
        found = _menu(here, all_of, others)
    finally:
        vendor.hangs = False
    return max((found[name] - usual[name], name) for name in found)


def main() -> None:
    asked = options(__doc__)
    with (
        place() as here,
        vendors(earliest_s=_EARLIEST_S, latest_s=_LATEST_S, offers=_OFFERS) as all_of,
    ):
        alone = {vendor.name: _menu(here, [vendor], [vendor])[vendor.name] for vendor in all_of}
        runs = [_menu(here, all_of, all_of) for _ in range(_RUNS)]
        usual = {name: percentile([run[name] for run in runs], 0.5) for name in alone}
        figures = [
            Figure(what=f"{vendor.name} alone", value=alone[vendor.name], unit="s", how=f"once; each answer after {vendor.late_s:.2f} s; {usual[vendor.name]:.2f} s beside the others")
            for vendor in all_of
        ]  # fmt: skip
        whole, slowest = percentile([max(run.values()) for run in runs], 0.5), max(alone.values())
        figures.append(
            Figure(what=f"all {len(all_of)} at once", value=whole, unit="s", target=slowest + 0.3, how=f"median of {_RUNS}; the slowest alone and 0.3 s")
        )  # fmt: skip
        for vendor in all_of:
            cost_s, whose = _cost_of_hanging(here, all_of, vendor, usual)
            figures.append(
                Figure(what=f"{vendor.name} hangs: the others come later by", value=cost_s, unit="s", target=0.3, how=f"once; the most of all of them, here {whose}")
            )  # fmt: skip
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
