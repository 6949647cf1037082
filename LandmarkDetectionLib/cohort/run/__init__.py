"""Cases through detectors: names without patients, one case at work, Dask workers, events."""
