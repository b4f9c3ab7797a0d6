"""The only modules that talk to AWS: one per service, each turning service errors into domain errors."""
