//! ALIKED keypoints and descriptors (Zhao et al., IEEE TIM 2023).
