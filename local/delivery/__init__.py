"""The commands that the GitHub workflows and the pipeline in the account have in common."""
