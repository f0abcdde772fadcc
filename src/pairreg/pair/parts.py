"""The names of what a pair has: arguments of `load_pair`, columns of a manifest and groups in HDF5."""

IMAGES = ("fixed", "moving", "fixed_labels", "moving_labels", "fixed_mask", "moving_mask")
POINTS = ("fixed_landmarks", "moving_landmarks")
CHANNELS = ("channels", "fixed_channels")  # of the moving side, which are carried along, and of the fixed side
EVALUATION = "evaluation_mask"  # of a pair that Learn2Reg evaluates
EVALUATED = ("fixed_landmark_map", "moving_landmark_map")  # of a pair that LUMIR evaluates
POINT_FILES = (".csv", ".tsv", ".txt", ".json", ".fcsv", ".pts")  # endings by which commands tell points from images
