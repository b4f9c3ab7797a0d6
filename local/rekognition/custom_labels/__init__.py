"""Custom Labels: projects and their model versions, which are trained, started, asked, stopped and deleted.

`training` makes a version from a folder of labelled pictures, `projects` keeps it on disk, `life_cycle` runs it, and
`operations` puts all of it on the wire.
"""
