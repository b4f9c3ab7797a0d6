"""The local AWS: an engine, a local Rekognition with a real model, and the demo. Nothing here is deployed."""
