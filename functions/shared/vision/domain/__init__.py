"""What the product knows about photos: pure and typed, no AWS SDK."""
