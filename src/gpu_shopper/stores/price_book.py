"""What offers have cost, in SQL: families, and for each the runs of hours in which its price stood still."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, select, tuple_

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.money import HourlyRate
from gpu_shopper.domain.price_history import Family, HourPrice, PriceRun, continued, cut
from gpu_shopper.ports.books import FamilyRuns, PriceFilter
from gpu_shopper.stores.moments import micros, moment
from gpu_shopper.stores.price_tables import price_families, price_runs
from gpu_shopper.stores.statements import Connection, Prepared, keys_in

_family, _run = price_families.c, price_runs.c
# The order of the columns is the order of a list of families, and of `Family` itself.
_KIND = ("gpu_type", "provider", "gpu_count", "gpu_fraction", "interruptible", "country")
_KINDS = tuple(_family[name] for name in _KIND)
_RUN = (_run.since, _run.until, _run.lowest, _run.median, _run.offers)
# A part of a GPU is kept as millionths of one: the book has whole numbers only.
_WHOLE_GPU = 1_000_000
_LISTED = ("gpu_type", "provider", "country")

_other = price_runs.alias("other").c
_last = select(func.max(_other.until)).where(_other.family == _family.id).scalar_subquery()
_NEWEST = Prepared(
    select(_family.id, *_KINDS, *_RUN)
    .join_from(
        price_families,
        price_runs,
        and_(_run.family == _family.id, _run.until == _last),
        isouter=True,
    )
    .where(
        _family.provider == bindparam("at_provider"),
        _family.gpu_type.between(bindparam("first_gpu"), bindparam("last_gpu")),
    )
)
_ADD_FAMILY = Prepared(price_families.insert().returning(_family.id), columns=_KIND)
_ADD_RUN = Prepared(price_runs.insert())
_PROLONG = Prepared(
    price_runs.update()
    .where(_run.family == bindparam("of_family"), _run.until == bindparam("known_until"))
    .values(until=bindparam("until"))
)
_all = _run.family.in_(select(_family.id))
_DROP_OLD = Prepared(price_runs.delete().where(_all, _run.until < bindparam("oldest")))
# A clock that ran ahead may have written what has not come yet.
_DROP_FUTURE = Prepared(price_runs.delete().where(_all, _run.until > bindparam("newest")))
_DROP_EMPTY = Prepared(price_families.delete().where(~exists().where(_run.family == _family.id)))
_RUNS = Prepared(
    select(*_RUN)
    .where(_run.family == bindparam("of_family"), _run.until >= bindparam("oldest"))
    .order_by(_run.until)
)


@cache
def _families(lengths: tuple[int, ...], *, flags: tuple[str, ...], on_next_page: bool) -> Prepared:
    """Build the statement for one shape of filter: how many values are asked for of each column that takes several."""
    conditions: list[Any] = [
        exists().where(_run.family == _family.id, _run.until >= bindparam("oldest"))
    ]
    for name, length in zip(_LISTED, lengths, strict=True):
        if length:
            keys: list[Any] = [bindparam(f"{name}_{key.key}") for key in keys_in(length)]
            conditions.append(_family[name].in_(keys))
    conditions += [_family[name] == bindparam(f"of_{name}") for name in flags]
    if on_next_page:
        after = tuple_(*(bindparam(f"after_{name}") for name in _KIND))
        conditions.append(tuple_(*_KINDS) > after)
    return Prepared(
        select(_family.id, *_KINDS).where(*conditions).order_by(*_KINDS).limit(bindparam("most"))
    )


class SqlPriceBook:
    """Prices by family and hour."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(
        self, provider: ProviderName, prices: Mapping[Family, HourPrice], *, hour: datetime
    ) -> None:
        """Write down what a cloud's families cost in `hour`; of an hour that is known, the first word stays."""
        if not prices:
            return
        known = {}
        gpus = [family.gpu_type for family in prices]
        asked = {"at_provider": provider, "first_gpu": min(gpus), "last_gpu": max(gpus)}
        for key, *rest in self._connection.execute(_NEWEST, asked):
            run = rest[len(_KIND) :]
            known[_read_family(rest)] = key, None if run[0] is None else _read_run(run)
        for family, price in prices.items():
            assert family.provider == provider, family
            key, newest = known.get(family) or (self._added(family), None)
            run = continued(newest, price, hour=hour)
            if run is None:
                continue
            if newest is not None and newest.since == run.since:
                values = {"known_until": micros(newest.until), "until": micros(run.until)}
                self._connection.execute(_PROLONG, {"of_family": key, **values})
            else:
                self._connection.execute(_ADD_RUN, {"family": key, **_run_values(run)})

    def prune(self, *, oldest: datetime, newest: datetime) -> None:
        """Drop what ended before `oldest`, what lies behind `newest`, and families of which nothing is left."""
        self._connection.execute(_DROP_OLD, {"oldest": micros(oldest)})
        self._connection.execute(_DROP_FUTURE, {"newest": micros(newest)})
        self._connection.execute(_DROP_EMPTY)

    def history(self, wanted: PriceFilter) -> Sequence[FamilyRuns]:
        """Return a page of families in their order, each with its runs since `wanted.since`, the oldest first."""
        oldest = micros(wanted.since)
        rows = self._connection.execute(*_asking(wanted, oldest)).fetchall()
        found = []
        for key, *kind in rows:
            runs = self._connection.execute(_RUNS, {"of_family": key, "oldest": oldest})
            read = cut(map(_read_run, runs.fetchall()), since=wanted.since)
            found.append(FamilyRuns(family=_read_family(kind), runs=tuple(read)))
        return found

    def _added(self, family: Family) -> int:
        return int(self._connection.value(_ADD_FAMILY, _kind_values(family)))


def _asking(wanted: PriceFilter, oldest: int) -> tuple[Prepared, dict[str, Any]]:
    values: dict[str, Any] = {"oldest": oldest, "most": wanted.limit}
    lengths = []
    for name, given in zip(
        _LISTED, (wanted.gpu_types, wanted.providers, wanted.countries), strict=True
    ):
        listed = sorted(given)
        # Filled up with the last one to a power of two, so that few statements exist.
        length = 1 << (len(listed) - 1).bit_length() if listed else 0
        lengths.append(length)
        filled = [*listed, *listed[-1:] * (length - len(listed))]
        names = (f"{name}_{key.key}" for key in keys_in(length))
        values |= dict(zip(names, filled, strict=True))
    flags = {"gpu_count": wanted.gpu_count, "interruptible": wanted.interruptible}
    asked = {name: int(value) for name, value in flags.items() if value is not None}
    values |= {f"of_{name}": value for name, value in asked.items()}
    if wanted.after is not None:
        values |= {f"after_{name}": value for name, value in _kind_values(wanted.after).items()}
    statement = _families(tuple(lengths), flags=tuple(asked), on_next_page=wanted.after is not None)
    return statement, values


def _kind_values(family: Family) -> dict[str, Any]:
    return {
        "gpu_type": family.gpu_type,
        "provider": family.provider,
        "gpu_count": family.gpu_count,
        "gpu_fraction": round(family.gpu_fraction * _WHOLE_GPU),
        "interruptible": int(family.interruptible),
        "country": family.country,
    }


def _run_values(run: PriceRun) -> dict[str, Any]:
    return {
        "since": micros(run.since),
        "until": micros(run.until),
        "lowest": run.price.lowest.micros,
        "median": run.price.median.micros,
        "offers": run.price.offers,
    }


def _read_family(row: Sequence[Any]) -> Family:
    gpu_type, provider, gpu_count, millionths, interruptible, country = row[: len(_KIND)]
    return Family(
        gpu_type=gpu_type,
        provider=ProviderName(provider),
        gpu_count=gpu_count,
        gpu_fraction=millionths / _WHOLE_GPU,
        interruptible=bool(interruptible),
        country=country,
    )


def _read_run(row: Sequence[Any]) -> PriceRun:
    since, until, lowest, median, offers = row
    price = HourPrice(lowest=HourlyRate(lowest), median=HourlyRate(median), offers=offers)
    return PriceRun(since=moment(since), until=moment(until), price=price)
