"""The local AWS: ministack, and what the photo workflow needs of AWS that ministack lacks."""
