"""Inventories as S3 writes them."""

import csv
import gzip
import io
import json
from typing import Any


def write_inventory(s3: Any, bucket: str, folder: str, rows: list[dict[str, str]]) -> str:
    """Write an inventory in CSV, its rows in two files, and return the key of its manifest.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    """
    columns, files = list(rows[0]), []
    for number, part in enumerate((rows[::2], rows[1::2])):
        text = io.StringIO()
        csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL).writerows(part)
        files.append({"key": f"{folder}data/{number}.csv.gz"})
        s3.put_object(Bucket=bucket, Key=files[-1]["key"], Body=gzip.compress(text.getvalue().encode()))
    manifest = {
        "sourceBucket": rows[0]["Bucket"],
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": ", ".join(columns),
        "files": files,
    }
    s3.put_object(Bucket=bucket, Key=f"{folder}manifest.json", Body=json.dumps(manifest).encode())
    return f"{folder}manifest.json"
