"""The use cases: what handlers and the API let happen, one module for each, over the adapters and the domain."""
