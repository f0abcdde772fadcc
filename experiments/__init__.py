"""Choices among the options: presets and studies."""
