//! `scene3d sample`: a synthetic scene with exact cameras, as photos and ground truth.

use std::fs;

use anyhow::{Context, Result};
use scene3d_eval::ground_truth::{from_reconstruction, to_json};
use scene3d_scene::synthetic::{SceneSpec, render};

use crate::args::SampleArgs;
use crate::exit::EXIT_SUCCESS;

/// Renders the scene and writes it.
pub fn run(args: &SampleArgs) -> Result<u8> {
    let spec = SceneSpec { num_images: args.num_images, seed: args.seed, ..SceneSpec::default() };
    let scene = render(&spec).context("the sample scene can't be rendered")?;
    let images = args.folder.join("images");
    fs::create_dir_all(&images).with_context(|| format!("can't make {}", images.display()))?;
    for image in &scene.images {
        let path = images.join(&image.name);
        fs::write(&path, &image.jpeg).with_context(|| format!("can't write {}", path.display()))?;
    }
    let truth = args.folder.join("ground-truth.json");
    fs::write(&truth, to_json(&from_reconstruction(&scene.truth)))
        .with_context(|| format!("can't write {}", truth.display()))?;
    println!("{} photos are in {}", scene.images.len(), images.display());
    println!("ground truth is {}", truth.display());
    Ok(EXIT_SUCCESS)
}
