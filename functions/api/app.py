"""Serve the HTTP API, and the web page that uses it."""

from functools import cache
from pathlib import Path
from typing import Any

from vision import entry
from vision.adapters import aws_sdk, storage
from vision.adapters.albums import Albums
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.adapters.session_log import SessionLog
from vision.api import resolver
from vision.api.site import SiteConfig
from vision.services.gallery import Gallery
from vision.services.operations import Operations
from vision.settings import NONE, ApiSettings

settings = ApiSettings.read()
aws_sdk.make_clients("dynamodb", "s3")
photos = Photos(settings.image_table_name)
gallery = Gallery(
    Albums(settings.image_table_name),
    People(settings.image_table_name),
    photos,
    settings.image_bucket_name,
    settings.allowance,
)
operations = Operations(
    photos,
    BulkRuns(settings.image_table_name),
    SessionLog(settings.image_table_name) if settings.custom_model_session_state_machine_arn != NONE else None,
    settings.process_bucket_state_machine_arn,
)
buckets = (settings.image_bucket_name, settings.results_bucket_name)
site = SiteConfig(
    settings.app_url,
    settings.sign_in_url,
    settings.user_pool_url,
    settings.user_pool_client_id,
    cache(lambda: [storage.origin(bucket) for bucket in buckets]),
)
links_owners = settings.execution_links == "owners"
app = resolver.build(gallery, operations, Path(__file__).parent / "static", site, links_owners=links_owners)


@entry.http
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond to a request; a refused request gets a response too."""
    return resolver.answer(app, event, context)
