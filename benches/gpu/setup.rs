//! Where and on what is measured: the device, and photos that lie on it.

use anyhow::{Context, Result, bail};
use scene3d_scene::synthetic::{SceneSpec, render};
use scene3d_tensor::torch::to_dlpack;
use scene3d_torch::{Precision, TorchContext};
use scene3d_wire::ImageTensor;
use tch::{Device, Tensor};

use crate::protocol::{Config, Photos};

/// A checked config with its photos.
pub struct Setup {
    /// As it was sent.
    pub config: Config,
    /// `[H, W, 3] u8` on the CPU.
    pub photos: Vec<Tensor>,
}

/// A photo on a device, as an extractor is given it.
pub struct DevicePhoto {
    pixels: scene3d_tensor::Tensor,
    image_size: [u32; 2],
}

impl Setup {
    /// Reads the photos.
    ///
    /// # Errors
    /// If they can't be read, or the device is not there.
    pub fn new(config: Config) -> Result<Self> {
        let mut named = Tensor::read_safetensors(&config.photos)
            .with_context(|| format!("photos can't be read: {}", config.photos.display()))?;
        named.sort_by_key(|(name, _)| name.trim_start_matches("photo").parse::<usize>().unwrap_or(usize::MAX));
        if named.len() < 2 {
            bail!("{} photos in {}, expected at least 2", named.len(), config.photos.display());
        }
        let setup = Self { config, photos: named.into_iter().map(|(_, photo)| photo).collect() };
        setup.context(Precision::Fp32)?;
        Ok(setup)
    }

    /// Device and element type.
    ///
    /// # Errors
    /// If the device is not there or can't do this.
    pub fn context(&self, precision: Precision) -> Result<TorchContext> {
        let device = self.config.cuda.map_or(Device::Cpu, Device::Cuda);
        Ok(TorchContext::on(device, self.config.threads, precision)?)
    }

    /// As many photos as asked for, over and over, on the device.
    ///
    /// # Errors
    /// If torch can't put them there.
    pub fn photos_on(&self, device: Device, count: usize) -> Result<Vec<DevicePhoto>> {
        let on_device = |photo: &Tensor| {
            let [height, width] = [photo.size()[0] as u32, photo.size()[1] as u32];
            Ok(DevicePhoto { pixels: to_dlpack(&photo.to_device(device))?, image_size: [width, height] })
        };
        self.photos.iter().cycle().take(count).map(on_device).collect()
    }
}

impl DevicePhoto {
    /// As an extractor reads it.
    pub fn view(&self) -> ImageTensor<'_> {
        ImageTensor { pixels: self.pixels.view(), image_size: self.image_size }
    }
}

/// Renders photos of the synthetic scene and writes their pixels.
///
/// # Errors
/// If they can't be rendered or written.
pub fn write_photos(photos: &Photos) -> Result<()> {
    let spec = SceneSpec { num_images: photos.count, image_size: photos.size, ..SceneSpec::default() };
    let scene = render(&spec).context("the scene can't be rendered")?;
    let mut named = Vec::with_capacity(scene.images.len());
    for (index, photo) in scene.images.iter().enumerate() {
        let pixels = image::load_from_memory(&photo.jpeg)?.into_rgb8();
        let [width, height] = [pixels.width(), pixels.height()].map(i64::from);
        named.push((format!("photo{index}"), Tensor::from_slice(pixels.as_raw()).reshape([height, width, 3])));
    }
    Tensor::write_safetensors(&named, &photos.path)
        .with_context(|| format!("can't be written: {}", photos.path.display()))
}
