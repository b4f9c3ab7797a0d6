"""S3: ranges of an object version, the response headers that a URL overrides, and content on disk only."""

from __future__ import annotations

from typing import Any

from ministack.services import s3

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Patch the engine's GetObject, and how it keeps versions."""
    answer_a_version_with_the_headers_that_are_asked_for()
    read_a_range_of_a_version()
    keep_content_on_disk_only()


def answer_a_version_with_the_headers_that_are_asked_for() -> None:
    """Apply `response-content-type` and the like to a version too.

    The engine applies them to the current object only; a version keeps the type that its uploader chose.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    get_object = s3._get_object

    def get_object_as_asked(
        bucket_name: str, key: str, headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> Response:
        status, answer, body = get_object(bucket_name, key, headers, query_params)
        if status == 200:
            s3._apply_response_overrides(answer, query_params or {})
        return status, answer, body

    s3._get_object = get_object_as_asked


def read_a_range_of_a_version() -> None:
    """Return the requested range of a version.

    The engine supports ranges of the current object only, and answers `Range` together with `versionId` with the
    whole object: a reader that requests the second part of a file gets its first bytes instead.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    get_object = s3._get_object

    def get_object_or_range(
        bucket_name: str, key: str, headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> Response:
        requested = headers.get("range", "")
        if not requested or not (query_params or {}).get("versionId"):
            whole: Response = get_object(bucket_name, key, headers, query_params)
            return whole
        # A checksum of the whole object does not match the part, and the SDK would refuse it.
        plain = {name: value for name, value in headers.items() if name != "x-amz-checksum-mode"}
        status, answer, body = get_object(bucket_name, key, plain, query_params)
        return (status, answer, body) if status != 200 else _part(bucket_name, key, answer, body, requested)

    s3._get_object = get_object_or_range


def keep_content_on_disk_only() -> None:
    """Forget the content of a version once it is on disk, from where the engine reads it as after a restart.

    The engine forgets that of objects without versions only: every photo of a burst would stay in memory.
    """
    persist = s3._persist_object

    def persist_object(bucket_name: str, key: str, record: Any) -> None:
        persist(bucket_name, key, record)
        if not isinstance(record, dict) or record.get("body") is not None:
            return
        version_id = record.get("version_id") or "null"
        for version in s3._object_versions.get((bucket_name, key)) or []:
            if version["version_id"] == version_id:
                version["data"] = None

    s3._persist_object = persist_object


def _part(bucket_name: str, key: str, headers: dict[str, str], body: bytes, requested: str) -> Response:
    found = s3._parse_range(requested, len(body))
    if found is None:
        refusal = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
        return 416, refusal, s3._xml_body(s3._range_error_xml(bucket_name, key))
    start, end = found
    part = body[start : end + 1]
    range_headers = {"Content-Length": str(len(part)), "Content-Range": f"bytes {start}-{end}/{len(body)}"}
    return 206, headers | range_headers, part
