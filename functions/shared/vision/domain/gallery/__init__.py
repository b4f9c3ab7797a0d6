"""The photo app: photos, albums, pending uploads, the listing index, and daily counts and allowance."""
