//! A plugin that misbehaves on request, for tests of the host.
