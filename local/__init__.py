"""The local AWS: an engine, a stand-in for Rekognition with a real model, and the demo. Nothing here is deployed."""
