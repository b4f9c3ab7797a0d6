"""Workers that answer the same requests, each in a separate process with its own library."""
