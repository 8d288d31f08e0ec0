//! Fuzz targets as plain functions: parsers of what comes over the network. Each panics where an invariant is broken.
