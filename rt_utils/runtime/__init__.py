"""What every room stands on: errors, files, paths, the cache, processes, devices."""
