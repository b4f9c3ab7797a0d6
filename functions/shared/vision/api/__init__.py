"""The HTTP API: what it takes and gives, its routes by subject, and how it refuses."""
