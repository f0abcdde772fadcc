"""What `pairreg-doctor` tries in processes of their own: `python -m pairreg.cli.doctor_probes NAME` prints JSON."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pairreg import plain_json

TOLD = "pairreg-doctor:"  # what precedes the JSON, after whatever a library prints


def devices() -> Mapping[str, Any]:
    """Return how many seconds TensorFlow takes to start, and the models of the GPUs that it has."""
    from pairreg.backend import configure, tf

    began = time.perf_counter()
    configure()
    models = [
        str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name))
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    float(tf.reduce_sum(tf.ones((2, 2)) @ tf.ones((2, 2))))  # a GPU that is listed may not compute
    return {"seconds": time.perf_counter() - began, "gpus": models}


def tracking() -> Mapping[str, Any]:
    """Return what the store at `$MLFLOW_TRACKING_URI` has to complain of, None if it answers."""
    from pairreg.tracking.mlflow_address import ENV
    from pairreg.tracking.mlflow_client import complaint

    return {"complaint": complaint(os.environ[ENV])}


PROBES: Mapping[str, Callable[[], Mapping[str, Any]]] = {"devices": devices, "tracking": tracking}

if __name__ == "__main__":
    print(TOLD + plain_json.dumps(PROBES[sys.argv[1]]()))
