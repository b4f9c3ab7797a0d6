"""Speed, memory and bytes of the image core, compared with the libraries that a user would otherwise choose."""
