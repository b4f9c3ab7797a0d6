"""The local stack: built and deployed by the SAM CLI to the engine, started, stopped and described."""
