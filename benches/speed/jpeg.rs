//! Photos a second that our JPEG decoder reads to RGB; `benches/jpeg.py` runs it in turn with libjpeg-turbo.
//!
//! `jpeg-bench render WIDTH HEIGHT FILE` or `jpeg-bench decode FILE THREADS SECS`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use scene3d_scene::synthetic::{SceneSpec, render};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["render", width, height, file] => write_photo([width.parse()?, height.parse()?], file),
        ["decode", file, threads, secs] => {
            let photo = std::fs::read(file).with_context(|| format!("can't be read: {file}"))?;
            println!("{}", photos_per_sec(&photo, threads.parse()?, Duration::from_secs_f64(secs.parse()?))?);
            Ok(())
        }
        _ => bail!("usage: jpeg-bench render WIDTH HEIGHT FILE | decode FILE THREADS SECS"),
    }
}

/// A photo of the synthetic scene, as good as JPEG is.
fn write_photo(image_size: [u32; 2], file: &str) -> Result<()> {
    let scene = render(&SceneSpec { num_images: 1, image_size, jpeg_quality: 100, ..SceneSpec::default() })?;
    std::fs::write(file, &scene.images[0].jpeg).with_context(|| format!("can't be written: {file}"))
}

/// Each thread decodes whole photos, as the pipeline does; the first of each is not counted.
fn photos_per_sec(photo: &[u8], num_threads: usize, duration: Duration) -> Result<f64> {
    let serve = || -> Result<f64> {
        image::load_from_memory(photo)?;
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < duration {
            std::hint::black_box(image::load_from_memory(photo)?.into_rgb8());
            count += 1;
        }
        Ok(f64::from(count) / begun.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..num_threads).map(|_| scope.spawn(serve)).collect();
        let rates = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")));
        rates.sum()
    })
}
