"""The buckets, the table and the topic: closed, encrypted, versioned, and kept."""

import pytest

from vision.domain import records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.inspection import results
from vision.domain.inspection.verdicts import Judgement
from vision.domain.objects import ObjectVersion

BUCKETS = ["ImageBucket", "ResultsBucket"]


@pytest.fixture(params=BUCKETS)
def bucket_name(request):
    return request.param


@pytest.fixture
def bucket(bucket_name, resources):
    return resources[bucket_name]["Properties"]


@pytest.fixture
def table(resources):
    return resources["ImageTable"]["Properties"]


@pytest.fixture
def rules(bucket):
    return {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}


def test_every_bucket_is_looked_at(resources):
    assert [name for name, one in resources.items() if one["Type"] == "AWS::S3::Bucket"] == BUCKETS


def test_images_are_versioned(bucket):
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("block", ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"])
def test_the_public_is_blocked(bucket, block):
    assert bucket["PublicAccessBlockConfiguration"][block] is True


def test_images_are_encrypted(bucket):
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")


def test_the_bucket_owner_owns_every_image(bucket):
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_only_the_bucket_of_uploads_tells_event_bridge(resources):
    # What we write ourselves into the other one must not become work.
    told = resources["ImageBucket"]["Properties"]["NotificationConfiguration"]
    assert told == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert "NotificationConfiguration" not in resources["ResultsBucket"]["Properties"]


def test_a_bucket_refuses_callers_without_tls(bucket_name, resources):
    policy = resources[f"{bucket_name}Policy"]["Properties"]
    (deny,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == {"Ref": bucket_name}
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert deny["Resource"] == [{"Fn::GetAtt": [bucket_name, "Arn"]}, {"Fn::Sub": f"${{{bucket_name}.Arn}}/*"}]
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_old_versions_go_after_the_chosen_days(rules):
    expiry = rules["RemoveOldVersions"]["NoncurrentVersionExpiration"]
    assert expiry == {"NoncurrentDays": {"Ref": "NoncurrentVersionDays"}}


def test_delete_markers_go_with_their_last_version(resources):
    rules = resources["ImageBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [one["Id"] for one in rules if one.get("ExpiredObjectDeleteMarker")] == [
        "RemoveDeleteMarkersWithoutVersions"
    ]


@pytest.fixture
def archiving(resources):
    rules = resources["ResultsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    return {rule["Id"]: rule for rule in rules if "Transitions" in rule}


@pytest.mark.parametrize(
    ("rule", "judgement", "days"),
    [
        ("ArchiveSuccesses", Judgement.SUCCESS, "SuccessArchiveDays"),
        ("ArchiveFailures", Judgement.FAILURE, "FailureArchiveDays"),
    ],
)
def test_images_of_a_verdict_are_archived_after_its_days(archiving, rule, judgement, days):
    version = ObjectVersion("bucket", "images/a.jpg", "v1", "etag", "0A", 1)
    assert archiving[rule]["Transitions"] == [{"StorageClass": "GLACIER", "TransitionInDays": {"Ref": days}}]
    assert results.analyzed_key(version, judgement).startswith(archiving[rule]["Prefix"])


def test_only_images_are_archived(archiving):
    version = ObjectVersion("bucket", "images/a.jpg", "v1", "etag", "0A", 1)
    key = results.result_key(version)
    assert not [rule for rule in archiving.values() if key.startswith(rule["Prefix"])]


def test_small_images_are_archived_too(resources, archiving):
    # By default S3 leaves objects below 128 KB where they are; the buckets' setting and the rules' own filter each lift
    # that, and the filter takes precedence.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-s3-bucket-lifecycleconfig.html
    lifecycle = resources["ResultsBucket"]["Properties"]["LifecycleConfiguration"]
    assert lifecycle["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert {rule["ObjectSizeGreaterThan"] for rule in archiving.values()} == {"1"}


def test_the_topic_is_encrypted(resources):
    assert resources["QualityTopic"]["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"


def test_the_topic_refuses_publishers_without_tls(resources):
    policy = resources["QualityTopicPolicy"]["Properties"]
    (deny,) = policy["PolicyDocument"]["Statement"]
    assert policy["Topics"] == [{"Ref": "QualityTopic"}]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sns:Publish")
    assert deny["Resource"] == {"Ref": "QualityTopic"}
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_unfinished_uploads_go_after_a_day(rules):
    assert rules["AbortUnfinishedUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_every_lifecycle_rule_is_on(rules):
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}


@pytest.mark.parametrize("name", ["ImageBucket", "ImageTable", "ResultsBucket"])
def test_what_users_gave_us_outlives_the_stack(resources, name):
    assert (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_stateful_resources_say_what_becomes_of_them(resources):
    stateful = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup"}
    silent = {
        name
        for name, one in resources.items()
        if one["Type"] in stateful and not one.keys() >= {"DeletionPolicy", "UpdateReplacePolicy"}
    }
    assert not silent


def test_the_table_is_paid_by_request(table):
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_can_be_restored_to_any_second(table):
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_table_is_encrypted(table):
    assert table["SSESpecification"] == {"SSEEnabled": True}


@pytest.fixture
def items():
    version = ObjectVersion("bucket", "private/ann/uploads/a.jpg", "v1", "etag", "0A", 1)
    envelope, now = Envelope.of(version), records.now()
    return records.photo(envelope, now), records.pending(envelope, now)


def _attributes(schema):
    return [key["AttributeName"] for key in schema]


def test_the_keys_of_the_table_are_those_of_the_records(table, items):
    version = ObjectVersion("bucket", "private/ann/uploads/a.jpg", "v1", "etag", "0A", 1)
    assert _attributes(table["KeySchema"]) == list(table_keys.image_key(version))
    assert all(item.keys() >= set(_attributes(table["KeySchema"])) for item in items)


@pytest.mark.parametrize(("index", "item"), [("listing", 0), ("by_status", 1)])
def test_an_item_carries_the_keys_of_its_index(table, items, index, item):
    (found,) = [one for one in table["GlobalSecondaryIndexes"] if one["IndexName"] == index]
    assert items[item].keys() >= set(_attributes(found["KeySchema"]))


def test_image_records_stay_out_of_the_listing(items):
    assert "listing_pk" not in items[1]


def test_photos_stay_out_of_the_index_by_status(items):
    assert "status" not in items[0]


def test_every_defined_attribute_is_the_key_of_something(table):
    schemas = [table["KeySchema"], *(index["KeySchema"] for index in table["GlobalSecondaryIndexes"])]
    assert {name for schema in schemas for name in _attributes(schema)} == {
        one["AttributeName"] for one in table["AttributeDefinitions"]
    }


def test_the_index_by_status_carries_what_a_silent_execution_is_found_by(table):
    (index,) = [one for one in table["GlobalSecondaryIndexes"] if one["IndexName"] == "by_status"]
    assert set(index["Projection"]["NonKeyAttributes"]) >= {"object", "execution_arn", "run_started_at"}
