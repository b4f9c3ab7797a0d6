"""Image files: the structure of JPEG and PNG, EXIF, metadata, the Rekognition limits, and pixels."""
