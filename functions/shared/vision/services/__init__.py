"""The use cases of the handlers and the API, one module each; they combine the adapters and the domain."""
