"""The page's API under load: many readers and uploaders at once against the local stack."""
