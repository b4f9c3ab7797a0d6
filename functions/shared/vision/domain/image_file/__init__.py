"""Image files: the structure of JPEG and PNG, EXIF, metadata, the limits of Rekognition, and pixels."""
