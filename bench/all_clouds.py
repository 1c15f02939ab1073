"""The first whole menu of all clouds at once, and what one that hangs costs the others.

Every simulated vendor answers late, each by another time. A fresh server is asked for its inventory from the moment it
listens until every cloud's offers are in it: with each cloud alone, with all of them, and with each of them hanging in turn.
"""

import time
from collections.abc import Sequence

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


def _alone(here: Place, vendor: Vendor) -> float:
    return _middle([_menu(here, [vendor], [vendor])[vendor.name] for _ in range(_RUNS)])


def _with_one_hanging(here: Place, all_of: Sequence[Vendor], vendor: Vendor) -> float:
    others = [one for one in all_of if one is not vendor]
    vendor.hangs = True
    try:
        return _middle([max(_menu(here, all_of, others).values()) for _ in range(_RUNS)])
    finally:
        vendor.hangs = False


def main() -> None:
    asked = options(__doc__)
    how = f"median of {_RUNS}"
    with (
        place() as here,
        vendors(earliest_s=_EARLIEST_S, latest_s=_LATEST_S, offers=_OFFERS) as all_of,
    ):
        alone = {vendor.name: _alone(here, vendor) for vendor in all_of}
        runs = [_menu(here, all_of, all_of) for _ in range(_RUNS)]
        whole = _middle([max(run.values()) for run in runs])
        figures = [
            Figure(what=f"{vendor.name} alone", value=alone[vendor.name], unit="s", how=f"{how}; each answer after {vendor.late_s:.2f} s")
            for vendor in all_of
        ]  # fmt: skip
        slowest = max(alone.values())
        figures.append(
            Figure(what=f"all {len(all_of)} at once", value=whole, unit="s", target=slowest + 0.3, how=f"{how}; the slowest alone and 0.3 s")
        )  # fmt: skip
        for vendor in all_of:
            rest = [one.name for one in all_of if one is not vendor]
            without = _middle([max(run[name] for name in rest) for run in runs])
            late = _with_one_hanging(here, all_of, vendor)
            figures.append(
                Figure(what=f"the others, {vendor.name} hangs", value=late, unit="s", target=without + 0.3, how=f"{how}; {without:.2f} s without the hang, and 0.3 s")
            )  # fmt: skip
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
