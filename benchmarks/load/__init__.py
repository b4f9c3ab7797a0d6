"""The page's API under load: many concurrent readers and uploaders on the local stack."""
