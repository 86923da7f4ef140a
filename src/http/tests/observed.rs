//! Health, metrics and the log, seen from outside.
