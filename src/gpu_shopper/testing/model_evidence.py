"""Which document says what about which language model: the shapes of the table with what was read of each.

A section of the table names a document, a line some models of it and what it says of each, in the order of the table of
models: layers, hidden width, heads (of queries, of keys and values, and the size of one: where it says nothing of the size,
the hidden width by the heads), feed-forward width of a dense layer, vocabulary and context in tokens; then what only some
models have: `moe` experts, `in` so many layers where not in all, `shared` width, `latent` width, `window`, `full` layers,
`state` of a linear layer, `tied` embeddings. `-` where it says nothing, a `!` before a figure where it says otherwise than
our table, and `DIFFERENCES` says why ours stays. Everything else must be equal to the digit.
"""

from collections.abc import Callable, Iterator, Mapping

from gpu_shopper.domain.known_models import KNOWN_MODELS
from gpu_shopper.domain.model_shape import Latent, LinearHybrid, ModelShape, SlidingWindow
from gpu_shopper.testing.documented import Saying, by_figure, sections
from gpu_shopper.testing.model_evidence_table import DIFFERENCES, DOCUMENTS, EVIDENCE

_UNSAID = "-"


def _kv_heads(shape: ModelShape) -> str:
    return "" if isinstance(shape.attention, Latent) else str(shape.kv_heads)


def _feed_forward(shape: ModelShape) -> str:
    dense = shape.experts is None or shape.experts.layers < shape.layers
    return str(shape.feed_forward) if dense else ""


def _experts(shape: ModelShape) -> str:
    mix = shape.experts
    return "" if mix is None else f"{mix.count}x{mix.feed_forward} top {mix.per_token}"


def _expert_layers(shape: ModelShape) -> str:
    mix = shape.experts
    return "" if mix is None or mix.layers == shape.layers else str(mix.layers)


def _shared(shape: ModelShape) -> str:
    return "" if shape.experts is None or not shape.experts.shared else str(shape.experts.shared)


def _latent(shape: ModelShape) -> str:
    return str(shape.attention.width) if isinstance(shape.attention, Latent) else ""


def _window(shape: ModelShape) -> str:
    return str(shape.attention.window) if isinstance(shape.attention, SlidingWindow) else ""


def _full(shape: ModelShape) -> str:
    match shape.attention:
        case SlidingWindow(full_layers=full) | LinearHybrid(full_layers=full):
            return str(full)
        case _:
            return ""


def _state(shape: ModelShape) -> str:
    return str(shape.attention.state) if isinstance(shape.attention, LinearHybrid) else ""


# What a document can say, and what our table says of it; in the order of the page. Nothing: a model has no such figure.
FIGURES: Mapping[str, Callable[[ModelShape], str]] = {
    "layers": lambda shape: str(shape.layers),
    "hidden": lambda shape: str(shape.hidden),
    "heads": lambda shape: str(shape.heads),
    "kv heads": _kv_heads,
    "head size": lambda shape: str(shape.head_dim),
    "feed-forward": _feed_forward,
    "vocabulary": lambda shape: str(shape.vocab),
    "context": lambda shape: str(shape.max_context),
    "moe": _experts,
    "in": _expert_layers,
    "shared": _shared,
    "latent": _latent,
    "window": _window,
    "full": _full,
    "state": _state,
    "tied": lambda shape: "yes" if shape.tied else "no",
}
_IN_ORDER = tuple(FIGURES)[:8]


class Said(Saying):
    """One figure of one language model in one document."""

    __slots__ = ()

    def agrees(self) -> bool:
        """Return whether our table says the same."""
        return FIGURES[self.figure](KNOWN_MODELS[self.model]) == self.value


def _figures(cells: list[str]) -> Iterator[tuple[str, str]]:
    layers, hidden, heads, *others = cells
    values = [layers, hidden, *heads.split("/"), *others[:3]]
    yield from zip(_IN_ORDER, values, strict=True)
    for part in "".join(others[3:]).split(";"):
        figure, _, value = part.strip().partition(" ")
        if figure:
            yield figure, value


def _parse() -> Iterator[Said]:
    for document, names, cells in sections(EVIDENCE):
        for figure, value in _figures(cells):
            if value == _UNSAID:
                continue
            for name in names:
                yield Said(
                    document=document,
                    model=name,
                    figure=figure,
                    value=value.removeprefix("!"),
                    differs=value.startswith("!"),
                )


SAID: tuple[Said, ...] = tuple(_parse())
# Why ours stays, by model and document.
EXPLAINED: Mapping[tuple[str, str], str] = {
    (name, document): why for document, names, (why,) in sections(DIFFERENCES) for name in names
}
_DOCUMENTS_OF = by_figure(SAID)


def rests_on(shape: ModelShape, figure: str, *, who: str) -> tuple[str, ...]:
    """Return the documents of `who` (maker, copy) that say of the model what our table says, in their order."""
    documents = _DOCUMENTS_OF.get((shape.name, figure), ())
    return tuple(one for one in documents if DOCUMENTS[one][0] == who)
