//! The web service of scene3d.
