//! A trivial mapper for tests of the host: no torch, no weights.
