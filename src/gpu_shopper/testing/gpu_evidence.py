"""Which document says what about which GPU model: the figures of the tables with what was read of each.

A section of the table names a document, a line some models of it and what it says of each: `memory` GB per GPU, `kind` of
memory, `bandwidth` GB/s, `tflops` with 16-bit inputs and `fp8` (dense), `cuda` compute capability, `link` between GPUs with
both directions added, launch `year`. A `!` before a figure: the document says otherwise than our tables, and `DIFFERENCES`
says why ours stays. Everything else must agree, within a hundredth, because documents round.
"""

from collections.abc import Iterator, Mapping

from gpu_shopper.domain.gpu import MODELS, GpuModel
from gpu_shopper.testing.documented import Saying, by_figure, sections
from gpu_shopper.testing.gpu_evidence_table import DIFFERENCES, DOCUMENTS, EVIDENCE

# What a document can say, and the field of a model that it is about; in the order of the page.
FIELDS: Mapping[str, str] = {
    "memory": "memory_gb",
    "kind": "memory_type",
    "bandwidth": "bandwidth_gbs",
    "tflops": "tflops",
    "fp8": "fp8_tflops",
    "cuda": "compute_capability",
    "link": "interconnect",
    "year": "launch_year",
}
NUMBERS = frozenset({"memory", "bandwidth", "tflops", "fp8"})
_ROUNDED_BY = 0.01


class Said(Saying):
    """One figure of one GPU in one document."""

    __slots__ = ()

    def agrees(self) -> bool:
        """Return whether our table says the same."""
        ours: str | float | None = getattr(MODELS[self.model], FIELDS[self.figure])
        if ours is None:
            return False
        if self.figure in NUMBERS:
            return abs(float(self.value) - float(ours)) <= _ROUNDED_BY * float(ours)
        if self.figure == "link":
            return _parts(self.value) <= _parts(str(ours))
        return str(ours) == self.value


def _parts(link: str) -> set[str]:
    """Return what a link says part by part: a document may say less than we do, but nothing else."""
    name, _, speed = link.replace(" bridge", "").partition(",")
    if name.endswith("GB/s"):
        name, speed = "", name
    return {*name.split(), speed.strip()} - {""}


def _parse() -> Iterator[Said]:
    for document, names, (figures,) in sections(EVIDENCE):
        for name in names:
            for figure, value in (part.split(maxsplit=1) for part in figures.split(";")):
                yield Said(
                    document=document,
                    model=name,
                    figure=figure,
                    value=value.strip().removeprefix("!"),
                    differs=value.startswith("!"),
                )


SAID: tuple[Said, ...] = tuple(_parse())
_DOCUMENTS_OF = by_figure(SAID)


def rests_on(model: GpuModel, figure: str, *, who: frozenset[str]) -> tuple[str, ...]:
    """Return the documents of those `who` (maker, copy, cloud) that say of `model` what our table says, in their order."""
    documents = _DOCUMENTS_OF.get((model.name, figure), ())
    return tuple(one for one in documents if DOCUMENTS[one][0] in who)


def differences(model: GpuModel) -> tuple[tuple[str, str], ...]:
    """Return the documents that say otherwise than our table, each with what and why ours stays."""
    return tuple(
        (document, why) for (name, document), why in DIFFERENCES.items() if name == model.name
    )
