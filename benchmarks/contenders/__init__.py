"""Workers that answer the same requests, each in a process of its own with its own library."""
