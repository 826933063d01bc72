//! Blocks shared by the libtorch plugins: weights, device and dtype policy.
