"""Hypothesis strategies: valid S3 keys, object versions, JSON, and keys that broke older systems."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from vision.domain.gallery.pending_uploads import CONTENT_TYPES, UPLOAD_LIMIT_BYTES, PendingUpload
from vision.domain.objects import ObjectVersion
from vision.domain.records import timestamp

KEY_TRAPS = (
    "photo (1).png",
    "café.jpg",
    "a+b.png",
    "50%.jpg",
    "a%20b.jpg",
    "my.photo.jpg",
    "my.other.jpg",
    "x/y/z.png",
    "写真" * 160 + ".png",
    " leading and trailing ",
    "uploads/uploads/u.jpg",
    "resized/uploads/y.jpg",
    "../../etc/passwd",
    'quote".jpg',
    "new\nline.jpg",
    "😀.jpg",
    "e\u0301.jpg",
    "\u202etxt.jpg",
)


def text_of(max_bytes: int, min_size: int = 1, exclude: str = "") -> st.SearchStrategy[str]:
    """Draw Unicode text of at most ``max_bytes`` in UTF-8; long texts are as likely as short ones."""
    # S3 keys are UTF-8, which has no surrogates.
    characters = st.characters(exclude_categories=("Cs",), exclude_characters=exclude)
    short = st.text(characters, min_size=min_size, max_size=40)
    stretched = st.builds(lambda text, times: text * times, short, st.sampled_from((1, 10, 100, 1000)))
    return (
        st.one_of(short, stretched).map(lambda text: _cut(text, max_bytes)).filter(lambda text: len(text) >= min_size)
    )


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")


keys = st.one_of(
    text_of(1024),
    st.sampled_from(KEY_TRAPS),
    st.builds(lambda path: _cut(f"private/ann/uploads/{path}", 1024), text_of(1024)),
)

owners = text_of(1006, exclude="/")


@st.composite
def upload_keys(draw: st.DrawFn) -> tuple[str, str, str]:
    """Draw the key of an upload of at most 1,024 bytes, with its owner and its path."""
    owner = draw(owners)
    room = 1024 - len(f"private/{owner}/uploads/".encode())
    path = draw(st.one_of(text_of(room), st.sampled_from(KEY_TRAPS).map(lambda trap: _cut(trap, room))))
    path = path.rstrip("/") or "p"
    return f"private/{owner}/uploads/{path}", owner, path


identities = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"'), min_size=1, max_size=64
)

sequencers = st.text("0123456789ABCDEFabcdef", max_size=40)

versions = st.builds(
    ObjectVersion.from_dict,
    st.fixed_dictionaries(
        {
            "bucket": st.sampled_from(("amzn-s3-demo-bucket", "other-bucket")),
            "key": keys,
            "version_id": identities,
            "etag": identities,
            "sequencer": sequencers,
            "size_bytes": st.integers(0, 5 * 1024**4),
        }
    ),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4),
    max_leaves=12,
)

# Parts of table keys that come through the API: the `sub` of Cognito, and generated ids.
api_owners = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
tokens = st.from_regex(r"[a-z2-7]{26}", fullmatch=True)
labels = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)
idempotency_keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2999, 12, 31)).map(
    lambda moment: timestamp(moment.replace(tzinfo=UTC))
)
days = st.dates(date(2000, 1, 1), date(2999, 12, 31))

pending_uploads = st.builds(
    PendingUpload,
    bucket=st.sampled_from(("amzn-s3-demo-bucket", "other-bucket")),
    owner=api_owners,
    token=tokens,
    name=text_of(255),
    content_type=st.sampled_from(CONTENT_TYPES),
    size_bytes=st.integers(1, UPLOAD_LIMIT_BYTES),
    album_id=st.just("") | tokens,
)
