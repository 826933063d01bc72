"""Reads a run's model by pycolmap and its points by trimesh: independent_readers.py OUT; prints what they see as JSON."""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pycolmap
import trimesh


def facts(model: pycolmap.Reconstruction) -> dict:
    errors = observation_errors_px(model)
    return {
        "num_cameras": model.num_cameras(),
        "images": sorted(image.name for image in model.images.values()),
        "num_registered": model.num_reg_images(),
        "num_points3d": model.num_points3D(),
        "num_observations": model.compute_num_observations(),
        "mean_reprojection_error_px": float(np.mean(errors)),
        "center": [float(x) for x in np.mean([image.projection_center() for image in model.images.values()], axis=0)],
    }


def observation_errors_px(model: pycolmap.Reconstruction) -> list[float]:
    """One an observation, unlike pycolmap's own mean, which is over points."""
    errors = []
    for point in model.points3D.values():
        for element in point.track.elements:
            image = model.images[element.image_id]
            projected = image.project_point(point.xyz)
            errors.append(float(np.linalg.norm(projected - image.points2D[element.point2D_idx].xy)))
    return errors


def ply_facts(path: Path, model: pycolmap.Reconstruction) -> dict:
    cloud = trimesh.load(path, process=False)
    points = [model.points3D[point_id] for point_id in sorted(model.points3D)]
    positions = np.array([point.xyz for point in points], dtype=np.float32)
    colors = np.array([point.color for point in points], dtype=np.uint8)
    return {
        "num_vertices": len(cloud.vertices),
        "is_finite": bool(np.isfinite(cloud.vertices).all()),
        "has_positions": bool(np.array_equal(np.asarray(cloud.vertices, dtype=np.float32), positions)),
        "has_colors": bool(np.array_equal(np.asarray(cloud.colors)[:, :3], colors)),
        "num_colors": len(np.unique(colors, axis=0)),
    }


def read_text_alone(model: Path) -> pycolmap.Reconstruction:
    """From a folder without the binary files, which pycolmap would prefer."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cameras.txt", "images.txt", "points3D.txt"):
            (Path(folder) / name).symlink_to(model.resolve() / name)
        return pycolmap.Reconstruction(folder)


def main() -> None:
    out = Path(sys.argv[1])
    binary = pycolmap.Reconstruction()
    binary.read_binary(out / "model")
    text = read_text_alone(out / "model")
    print(json.dumps({"binary": facts(binary), "text": facts(text), "ply": ply_facts(out / "points.ply", binary)}))


if __name__ == "__main__":
    main()
