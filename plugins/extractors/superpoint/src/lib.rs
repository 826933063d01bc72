//! SuperPoint keypoints and descriptors (DeTone et al., CVPRW 2018), the MIT re-training.
