"""Memory of a server with 170,000 offers of nine clouds, refreshed over and over with other prices.

The clouds are one sandbox cloud under nine names, which the server finds as it finds what others bring: as a package that
lies on its path.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from _places import KEY, Place, ask, place
from _table import Figure, options, show

_OFFERS = 170_000
_CLOUDS = 9
_PERIOD_S = 15

_MODULE = """
from dataclasses import replace
from functools import partial
from gpu_shopper.providers.sandbox import MANIFEST, SandboxProvider

def named(name):
    return replace(MANIFEST, name=name, adapter=partial(SandboxProvider, name=name))

"""


def _brought(folder: Path, names: list[str]) -> Path:
    """Write the package."""
    about = folder / "many-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: many\nVersion: 1\n", "utf-8")
    lines = [f"{name} = many:{name}" for name in names]
    (about / "entry_points.txt").write_text(
        "\n".join(["[gpu_shopper.providers]", *lines, ""]), "utf-8"
    )
    made = "".join(f'{name} = named("{name}")\n' for name in names)
    (folder / "many.py").write_text(_MODULE + made, "utf-8")
    return folder


def _measured(here: Place, seconds: float) -> Iterator[Figure]:
    names = [f"cloud{number}" for number in range(_CLOUDS)]
    cloud = here.cloud(offers=_OFFERS // _CLOUDS, prices_stand_s=_PERIOD_S)
    settings = {f"provider_{name}_url": cloud.url for name in names}
    settings |= {f"provider_{name}_key": KEY for name in names}
    brought = _brought(here.folder / "brought", names)
    data = here.data()
    server = here.server(data, brought=brought, shop_period_s=str(_PERIOD_S), **settings)
    server.await_ready()
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or not seen:
        time.sleep(1)
        _, page = ask(server.url, "GET", "/api/v1/inventory?limit=1")
        if all(source["offers"] for source in page["providers"]):
            seen.append(server.memory_mb())
    offers = sum(source["offers"] for source in page["providers"])
    how = f"of {_CLOUDS} clouds, each asked every {_PERIOD_S} s, all with other prices; the middle of {len(seen)} looks"
    yield Figure(
        what=f"memory, {offers:,} offers",
        value=sorted(seen)[len(seen) // 2],
        unit="MB",
        target=250,
        how=how,
    )
    yield Figure(what="  at the end", value=seen[-1], unit="MB")
    yield Figure(what="  most", value=max(seen), unit="MB")


def main() -> None:
    asked = options(__doc__, seconds=100.0)
    with place() as here:
        figures = list(_measured(here, asked.seconds))
    show(figures, markdown=asked.markdown)


if __name__ == "__main__":
    main()
