"""The local stack: build and deploy it to the engine with the SAM CLI, start, stop and describe it."""
