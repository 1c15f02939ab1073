"""A cloud's rows in columns, in the order of their ids: what a shelf is made of, and what can be had back of one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpu_shopper.market.bitmaps import bits_at
from gpu_shopper.market.pieces import Pieces
from gpu_shopper.market.row_store import Codes
from gpu_shopper.market.rows import Block
from gpu_shopper.market.shelf import FLAGS, NUMBERS, TEXTS, Shelf, Text

# So many bytes are copied before others are let in.
_COPIED: Final = 256 * 1024
# So many pieces are looked up before others are let in.
_LOOKED_UP: Final = 4_000
# What clouds state, and does not follow from that.
STATED: Final = tuple(name for name in NUMBERS if name != "price_per_gpu")

Numbers = NDArray[np.float64]
Hashes = NDArray[np.int64]
Rows = NDArray[np.int64]


class Heads(NamedTuple):
    """Rows' own parts as lines of JSON in one block, and where each begins; the last one ends where the last begins."""

    block: Block
    begins: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Rows in columns. `pieces` are those that rows share, of each kind, and `codes` the numbers of each row's own.

    A number that a cloud does not tell is NaN. `machines` and `prints` are hashes: a row's print is that of what the cloud
    said of it, 0 where nobody knows.
    """

    prices: Numbers
    numbers: Mapping[str, Numbers]
    flags: Mapping[str, NDArray[np.bool_]]
    texts: Mapping[str, Text]
    machines: Hashes
    prints: Hashes
    heads: Heads
    pieces: Sequence[Sequence[bytes]]
    codes: Sequence[Codes]

    def __len__(self) -> int:
        return len(self.prices)


def columns_of(shelf: Shelf) -> Pieces[Columns]:
    """Return what stands on a shelf."""
    at = shelf.layout.position_of
    numbers = {}
    for name in STATED:
        numbers[name] = shelf.numbers[name][at].astype(np.float64)
        yield
    gpus = np.repeat(shelf.layout.gpu_of_word, 64)[at]
    block, begins, pieces, codes = yield from shelf.rows.parts()
    yield
    return Columns(
        prices=shelf.layout.prices[at],
        numbers=numbers,
        flags={name: bits_at(shelf.flags[name], at) for name in FLAGS},
        texts={
            "gpu": Text(values=shelf.layout.gpus, codes=gpus),
            **{name: Text(text.values, text.codes[at]) for name, text in shelf.texts.items()},
        },
        machines=shelf.machines,
        prints=shelf.prints if len(shelf.prints) else np.zeros(len(at), dtype=np.int64),
        heads=Heads(block, begins),
        pieces=pieces,
        codes=codes,
    )


def merged(parts: Sequence[Columns], order: Rows) -> Pieces[Columns]:
    """Return rows of one or more in an order in which those of each are numbered behind those before it."""
    if len(parts) == 1 and np.array_equal(order, np.arange(len(parts[0]))):
        return parts[0]

    def joined(columns: Iterator[NDArray[Any]]) -> NDArray[Any]:
        each = list(columns)
        return (each[0] if len(each) == 1 else np.concatenate(each))[order]

    numbers = {}
    for name in STATED:
        numbers[name] = joined(part.numbers[name] for part in parts)
        yield
    texts = {}
    for name in ("gpu", *TEXTS):
        texts[name] = _text([part.texts[name] for part in parts], order)
        yield
    heads = yield from _heads([part.heads for part in parts], order)
    pieces, codes = [], []
    for kind in range(len(parts[0].pieces)):
        both = [(part.pieces[kind], part.codes[kind]) for part in parts]
        known, own = yield from _pieces(both, order)
        pieces.append(known)
        codes.append(own)
    return Columns(
        prices=joined(part.prices for part in parts),
        numbers=numbers,
        flags={name: joined(part.flags[name] for part in parts) for name in FLAGS},
        texts=texts,
        machines=joined(part.machines for part in parts),
        prints=joined(part.prints for part in parts),
        heads=heads,
        pieces=pieces,
        codes=codes,
    )


def coded(given: Sequence[str]) -> tuple[tuple[str, ...], Codes]:
    """Return the distinct values, in order, and for each of those given the number of its own."""
    values = tuple(sorted(set(given)))
    code_of = {value: code for code, value in enumerate(values)}
    return values, np.fromiter(map(code_of.__getitem__, given), dtype=np.int32, count=len(given))


def _text(texts: Sequence[Text], order: Rows) -> Text:
    """What no row has any more is no value."""
    given = [value for text in texts for value in text.values]
    before = np.cumsum([0, *(len(text.values) for text in texts)])
    codes = np.concatenate(
        [text.codes + start for text, start in zip(texts, before[:-1], strict=True)]
    )[order]
    used = np.flatnonzero(np.bincount(codes, minlength=len(given)))
    values, new = coded([given[code] for code in used.tolist()])
    table = np.zeros(len(given), dtype=np.int32)
    table[used] = new
    return Text(values=values, codes=table[codes])


def _pieces(
    kinds: Sequence[tuple[Sequence[bytes], Codes]], order: Rows
) -> Pieces[tuple[list[bytes], Codes]]:
    """Return the pieces that rows still have, each once, and the number of each row's own."""
    number_of: dict[bytes, int] = {}
    codes = []
    for pieces, own in kinds:
        table: list[int] = []
        for start in range(0, len(pieces), _LOOKED_UP):
            some = pieces[start : start + _LOOKED_UP]
            table += [number_of.setdefault(piece, len(number_of)) for piece in some]
            yield
        codes.append(np.array(table, dtype=np.int32)[own])
    every = np.concatenate(codes)[order]
    used = np.flatnonzero(np.bincount(every, minlength=len(number_of)))
    new = np.zeros(len(number_of), dtype=np.int32)
    new[used] = np.arange(len(used), dtype=np.int32)
    known = list(number_of)
    return [known[number] for number in used.tolist()], new[every]


def _heads(heads: Sequence[Heads], order: Rows) -> Pieces[Heads]:
    """Copy heads in an order; those that stand together already are copied together."""
    begins = np.concatenate([one.begins[:-1] for one in heads])[order]
    ends = np.concatenate([one.begins[1:] for one in heads])[order]
    whose = np.repeat(np.arange(len(heads)), [len(one.begins) - 1 for one in heads])[order]
    new = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(ends - begins, out=new[1:])
    breaks = np.flatnonzero((begins[1:] != ends[:-1]) | (whose[1:] != whose[:-1])) + 1
    firsts = np.concatenate([[0], breaks]) if len(order) else breaks
    lasts = np.concatenate([breaks, [len(order)]])[: len(firsts)] - 1
    if len(firsts) == 1:
        only = heads[int(whose[0])]
        if begins[0] == 0 and ends[-1] == len(only.block):
            return Heads(only.block, new)
    yield
    runs = zip(whose[firsts].tolist(), begins[firsts].tolist(), ends[lasts].tolist(), strict=True)
    blocks = [memoryview(one.block) for one in heads]
    copied, paused = bytearray(), 0
    for which, begin, end in runs:
        for at in range(begin, end, _COPIED):
            copied += blocks[which][at : min(at + _COPIED, end)]
            if len(copied) - paused > _COPIED:
                paused = len(copied)
                yield
    return Heads(copied, new)
