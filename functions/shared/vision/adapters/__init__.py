"""The only modules that call AWS: one per service. Each converts service errors to domain errors."""
