"""The names of what a pair has: arguments of `load_pair`, columns of a manifest and groups in HDF5."""

IMAGES = ("fixed", "moving", "fixed_labels", "moving_labels", "fixed_mask", "moving_mask")
POINTS = ("fixed_landmarks", "moving_landmarks")
POINT_FILES = (".csv", ".tsv", ".txt", ".json", ".fcsv", ".pts")  # endings by which commands tell points from images
