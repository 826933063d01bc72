//! Mutual nearest neighbour matching of any descriptors.
