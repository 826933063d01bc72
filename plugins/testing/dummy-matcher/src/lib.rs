//! A trivial matcher for tests of the host: no torch, no weights.
