"""What the workflows of GitHub and the pipeline in the account have in common."""
