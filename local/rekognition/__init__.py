"""A local Rekognition: the API of the service, with real vision models."""
