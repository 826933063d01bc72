//! LightGlue feature matching (Lindenberger et al., ICCV 2023).
