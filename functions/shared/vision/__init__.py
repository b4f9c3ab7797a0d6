"""The one importable project package: a pure domain, thin adapters to AWS, and the wiring between them."""
