"""The parts of ``docs/`` that are made from the sources: ``python -m local.docs`` writes them again."""
