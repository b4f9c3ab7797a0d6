"""A Rekognition that runs here: the service's wire behaviour around a real vision model."""
