"""libvips through pyvips, in a separate environment."""

import pyvips

from benchmarks.contenders.worker import Photo, serve

# A cache of operations would answer the second repetition.
pyvips.cache_set_max(0)


def _thumbnail(photo: Photo) -> bytes:
    image = pyvips.Image.thumbnail_buffer(photo.data, photo.box, height=photo.box, size="down")
    return bytes(image.jpegsave_buffer(Q=80))


if __name__ == "__main__":
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    serve(f"pyvips {pyvips.__version__} (libvips {libvips})", {"thumbnail": _thumbnail})
