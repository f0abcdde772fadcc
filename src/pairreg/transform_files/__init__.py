"""Transforms in the files of other programs."""
