"""The usual code of a handler: decode the whole photo, rotate it, resize it."""

import io

import PIL
from PIL import Image, ImageOps

from benchmarks.contenders.worker import Photo, serve

Image.MAX_IMAGE_PIXELS = None


def _thumbnail(photo: Photo) -> bytes:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(photo.data))).convert("RGB")
    ratio = min(photo.box / image.width, photo.box / image.height, 1)
    size = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
    output = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(output, "JPEG", quality=80)
    return output.getvalue()


if __name__ == "__main__":
    serve(f"Pillow {PIL.__version__}", {"thumbnail": _thumbnail})
