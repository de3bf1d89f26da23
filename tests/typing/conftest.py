"""Programs that are wrong are read by type checkers, and never run; those that are right are imported as well."""

collect_ignore_glob = ["rejected/*"]
