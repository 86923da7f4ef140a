//! Bespoke.
