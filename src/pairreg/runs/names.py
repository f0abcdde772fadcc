COMPLETE = "result.json"  # in a run folder if and only if the run is complete
