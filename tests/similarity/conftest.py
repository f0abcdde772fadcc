import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # similarity_helpers, in every import mode of pytest
