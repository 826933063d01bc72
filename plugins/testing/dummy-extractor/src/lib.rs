//! A trivial extractor for tests of the host: no torch, no weights.
