"""The buckets, the table and the topic: closed, encrypted, versioned, and kept."""

import pytest

from vision.domain import records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.inspection import results
from vision.domain.inspection.verdicts import Judgement
from vision.domain.objects import ObjectVersion

BUCKETS = ["ImageBucket", "ResultsBucket"]
UPLOAD = ObjectVersion("bucket", "private/ann/uploads/a.jpg", "v1", "etag", "0A", 1)
INSPECTED = ObjectVersion("bucket", "images/a.jpg", "v1", "etag", "0A", 1)


@pytest.fixture
def table(resources):
    return resources["ImageTable"]["Properties"]


def test_every_bucket_is_tested(resources):
    assert [name for name, one in resources.items() if one["Type"] == "AWS::S3::Bucket"] == BUCKETS


@pytest.mark.parametrize("name", BUCKETS)
def test_bucket_is_private_encrypted_and_versioned(resources, name):
    bucket = resources[name]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    blocks = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(blocks, True)
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize(
    ("name", "action"), [*((bucket, "s3:*") for bucket in BUCKETS), ("QualityTopic", "sns:Publish")]
)
def test_callers_without_tls_are_refused(resources, name, action):
    policy = resources[f"{name}Policy"]["Properties"]
    (deny,) = policy["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", action)
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    if name in BUCKETS:
        assert policy["Bucket"] == {"Ref": name}
        assert deny["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    else:
        assert policy["Topics"] == [{"Ref": name}]
        assert deny["Resource"] == {"Ref": name}


def test_only_the_bucket_of_uploads_sends_events(resources):
    # What the functions write into the other one must not become work.
    configuration = resources["ImageBucket"]["Properties"]["NotificationConfiguration"]
    assert configuration == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert "NotificationConfiguration" not in resources["ResultsBucket"]["Properties"]


@pytest.mark.parametrize("name", BUCKETS)
def test_old_versions_and_unfinished_uploads_expire(resources, name):
    rules = {one["Id"]: one for one in resources[name]["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    expiry = rules["RemoveOldVersions"]["NoncurrentVersionExpiration"]
    assert expiry == {"NoncurrentDays": {"Ref": "NoncurrentVersionDays"}}
    assert rules["AbortUnfinishedUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    # Delete markers of photos expire with their last version.
    markers = [one["Id"] for one in rules.values() if one.get("ExpiredObjectDeleteMarker")]
    assert markers == (["RemoveDeleteMarkersWithoutVersions"] if name == "ImageBucket" else [])


@pytest.mark.parametrize(
    ("rule", "judgement", "days"),
    [
        ("ArchiveSuccesses", Judgement.SUCCESS, "SuccessArchiveDays"),
        ("ArchiveFailures", Judgement.FAILURE, "FailureArchiveDays"),
    ],
)
def test_images_of_a_verdict_are_archived_after_its_days_without_their_results(resources, rule, judgement, days):
    lifecycle = resources["ResultsBucket"]["Properties"]["LifecycleConfiguration"]
    (archiving,) = [one for one in lifecycle["Rules"] if one["Id"] == rule]
    assert archiving["Transitions"] == [{"StorageClass": "GLACIER", "TransitionInDays": {"Ref": days}}]
    assert results.analyzed_key(INSPECTED, judgement).startswith(archiving["Prefix"])
    assert not results.result_key(INSPECTED).startswith(archiving["Prefix"])
    # By default S3 does not archive objects below 128 KB. The setting of the bucket and the filter of a rule each lift
    # that; the filter takes precedence.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-s3-bucket-lifecycleconfig.html
    assert lifecycle["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert archiving["ObjectSizeGreaterThan"] == "1"


def test_topic_is_encrypted(resources):
    assert resources["QualityTopic"]["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"


def test_stateful_resource_says_whether_it_survives_the_stack(resources):
    retained = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"}
    for name, one in resources.items():
        if one["Type"] in {*retained, "AWS::SQS::Queue", "AWS::Logs::LogGroup"}:
            kept = "Retain" if one["Type"] in retained else "Delete"
            assert (name, one["DeletionPolicy"], one["UpdateReplacePolicy"]) == (name, kept, kept)


def test_table_is_paid_by_request_encrypted_and_restored_to_any_second(table):
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}


def _attributes(schema):
    return [key["AttributeName"] for key in schema]


def test_items_carry_the_keys_of_the_table_and_of_their_index_only(table):
    envelope, now = Envelope.of(UPLOAD), records.now()
    photo, image = records.photo(envelope, now), records.pending(envelope, now)
    indexes = {one["IndexName"]: set(_attributes(one["KeySchema"])) for one in table["GlobalSecondaryIndexes"]}
    keys = _attributes(table["KeySchema"])
    assert keys == list(table_keys.image_key(UPLOAD))
    assert photo.keys() >= {*keys, *indexes["listing"]}
    assert (image | records.opened(envelope, now)).keys() >= {*keys, *indexes["open"]}
    # What lacks a key is not in the index.
    assert {"listing_pk", "open_pk", "open_since"}.isdisjoint(image)
    assert {"open_pk", "open_since"}.isdisjoint(photo)
    assert records.opened(Envelope.of(INSPECTED), now) == {}
    defined = {one["AttributeName"] for one in table["AttributeDefinitions"]}
    assert defined == set(keys).union(*indexes.values())


def test_entry_of_an_index_is_written_again_only_when_a_key_changes(table):
    assert [one["Projection"] for one in table["GlobalSecondaryIndexes"]] == [{"ProjectionType": "KEYS_ONLY"}] * 2
