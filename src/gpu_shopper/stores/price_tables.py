"""The tables of what offers have cost."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from gpu_shopper.stores.columns import Whole, metadata, needed, rule

price_families = Table(
    "price_families",
    metadata,
    Column("id", Whole, primary_key=True),
    needed("gpu_type"),
    needed("provider"),
    needed("gpu_count", Whole),
    needed("gpu_fraction", Whole),
    needed("interruptible", Integer),
    needed("country"),
    UniqueConstraint(
        "gpu_type",
        "provider",
        "gpu_count",
        "gpu_fraction",
        "interruptible",
        "country",
        name="one_family_per_kind",
    ),
    rule("interruptible_is_yes_or_no", "interruptible IN (0, 1)"),
    rule("counts_are_sane", "gpu_count >= 1 AND gpu_fraction >= 1"),
    Index("price_families_of_provider", "provider"),
    sqlite_strict=True,
)

price_runs = Table(
    "price_runs",
    metadata,
    Column("family", Whole, ForeignKey("price_families.id"), nullable=False),
    needed("since", Whole),
    needed("until", Whole),
    needed("lowest", Whole),
    needed("median", Whole),
    needed("offers", Whole),
    PrimaryKeyConstraint("family", "until"),
    rule("run_goes_forward", "until >= since"),
    rule("amounts_are_sane", "lowest >= 0 AND median >= lowest AND offers >= 1"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
