"""The HTTP API: its request and response bodies, its routes by subject, and its errors."""
