"""Custom Labels: projects and their model versions, which are trained, started, called, stopped and deleted.

`training` creates a version from a folder of labelled pictures, `projects` stores it on disk, `life_cycle` runs it, and
`operations` implements the API.
"""
