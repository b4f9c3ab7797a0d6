"""A function without tuning: every client, the whole of Pillow, and everything at import."""

import io
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from PIL import ExifTags, Image, ImageOps

logger = Logger()
metrics = Metrics(namespace="ImageRecognition")
s3 = boto3.client("s3")
rekognition = boto3.client("rekognition")
table = boto3.resource("dynamodb").Table(os.environ.get("IMAGE_TABLE_NAME", "images"))


@logger.inject_lambda_context
def extract_metadata(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Download the photo and read its metadata."""
    image = _open(event)
    exif = image.getexif()
    return {"width": image.width, "height": image.height, "camera_make": exif.get(ExifTags.Base.Make)}


@logger.inject_lambda_context
def generate_thumbnail(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Download the photo, resize it, upload the result."""
    image = ImageOps.exif_transpose(_open(event)).convert("RGB")
    image.thumbnail((250, 250))
    output = io.BytesIO()
    image.save(output, "JPEG", quality=80)
    key = "resized/" + event["object"]["key"]
    s3.put_object(Bucket=event["object"]["bucket"], Key=key, Body=output.getvalue())
    return {"key": key}


def _open(event: dict[str, Any]) -> Image.Image:
    version = event["object"]
    content = s3.get_object(Bucket=version["bucket"], Key=version["key"])["Body"].read()
    return Image.open(io.BytesIO(content))
