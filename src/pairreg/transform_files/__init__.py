"""Transforms in files of other tools, a module per format: `read.read_transform`, `write.write_transform`."""
