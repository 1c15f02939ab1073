"""The immutable, indexed snapshot of every offer: query, facets and pages without I/O."""
