"""The domain logic: pure and typed, without the AWS SDK."""
