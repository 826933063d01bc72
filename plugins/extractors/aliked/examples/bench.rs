//! Milliseconds per image and step: `cargo run --release -p scene3d-aliked --example bench -- IMAGES WEIGHTS.pth`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fast_image_resize::Resizer;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use scene3d_aliked::{CpuNetwork, Model, Parameters, RgbImage, Selection, StepTimes, Workspace};
use scene3d_torch::Weights;

const MAX_LONG_SIDE: f64 = 1024.0;
const ROUNDS: u32 = 3;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().context("expected a folder of images")?;
    let weights = arguments.next().context("expected aliked-n16rot.pth")?;
    let num_threads = arguments.next().map_or(Ok(1), |count| count.to_string_lossy().parse())?;
    let mut files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let images = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    let parameters = Parameters::read(&Weights::load(&weights)?, Model::N16rot.sizes())?;
    let network = CpuNetwork::new(&parameters)?;
    let start = Instant::now();
    let times = std::thread::scope(|scope| {
        let run = |thread: usize| {
            let images = &images;
            let network = &network;
            scope.spawn(move || run(network, &images.iter().skip(thread).step_by(num_threads)))
        };
        let threads: Vec<_> = (0..num_threads).map(run).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    });
    let num_runs = images.len() as u32 * ROUNDS;
    println!("{num_threads} threads, wall clock per image: {:.1?}", start.elapsed() / num_runs);
    let sum = |of: fn(&StepTimes) -> Duration| times.iter().map(of).sum::<Duration>() / num_runs;
    println!(
        "per image: encode {:.1?}, score {:.1?}, detect {:.1?}, describe {:.1?}",
        sum(|t| t.encode),
        sum(|t| t.score),
        sum(|t| t.detect),
        sum(|t| t.describe)
    );
    Ok(())
}

struct Rgb {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
}

fn run<'a>(network: &CpuNetwork, images: &(impl Iterator<Item = &'a Rgb> + Clone)) -> StepTimes {
    let selection = Selection { max_keypoints: 2048, threshold: None, radius: 2 };
    let mut workspace = Workspace::default();
    let mut times = StepTimes::default();
    for _ in 0..ROUNDS {
        for image in images.clone() {
            let image = RgbImage { pixels: &image.pixels, height: image.height, width: image.width };
            network.run(image, selection, &mut workspace, &mut times);
        }
    }
    times
}

fn read(file: &PathBuf) -> Result<Rgb> {
    let image = image::open(file).with_context(|| file.display().to_string())?.into_rgb8();
    let (width, height) = image.dimensions();
    let scale = (MAX_LONG_SIDE / f64::from(width.max(height))).min(1.0);
    let [small_width, small_height] = [width, height].map(|side| (f64::from(side) * scale).round() as u32);
    let source = TypedImageRef::<U8x3>::from_buffer(image.width(), image.height(), image.as_raw())?;
    let mut small = vec![0; 3 * small_width as usize * small_height as usize];
    let mut target = TypedImage::<U8x3>::from_buffer(small_width, small_height, &mut small)?;
    Resizer::new().resize_typed(&source, &mut target, None)?;
    Ok(Rgb { pixels: small, width: small_width as usize, height: small_height as usize })
}
