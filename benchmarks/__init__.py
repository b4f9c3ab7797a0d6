"""Speed, memory and bytes of the image core, side by side with what a user would take instead."""
