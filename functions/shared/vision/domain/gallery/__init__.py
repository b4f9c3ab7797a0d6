"""The photo app: photos, albums, pending uploads, the listing index, daily counts and the daily allowance."""
