//! Writes a synthetic scene to a folder: `render_synthetic DIR SEED NUM_IMAGES WIDTH HEIGHT`, photos and COLMAP truth.

use std::path::Path;

use scene3d_scene::colmap::write_binary;
use scene3d_scene::synthetic::{SceneSpec, render};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, seed, num_images, width, height] = &arguments[..] else {
        return Err("usage: render_synthetic DIR SEED NUM_IMAGES WIDTH HEIGHT".into());
    };
    let image_size = [width.parse()?, height.parse()?];
    let spec = SceneSpec { seed: seed.parse()?, num_images: num_images.parse()?, image_size, ..SceneSpec::default() };
    let scene = render(&spec)?;
    let (images, truth) = (Path::new(folder).join("images"), Path::new(folder).join("truth"));
    std::fs::create_dir_all(&images)?;
    std::fs::create_dir_all(&truth)?;
    for image in &scene.images {
        std::fs::write(images.join(&image.name), &image.jpeg)?;
    }
    let files = write_binary(&scene.truth);
    std::fs::write(truth.join("cameras.bin"), files.cameras)?;
    std::fs::write(truth.join("images.bin"), files.images)?;
    std::fs::write(truth.join("points3D.bin"), files.points3d)?;
    Ok(())
}
