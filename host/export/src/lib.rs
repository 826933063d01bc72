//! Model files and reports: PLY, GLB, transforms.json, COLMAP, report.json, report.html.
