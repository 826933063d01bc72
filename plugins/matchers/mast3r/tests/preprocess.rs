//! Resizing against Pillow's bytes (`goldens/make_resize.py`), and the way of a photo to the network.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::golden;
use scene3d_mast3r::preprocess::NetworkImage;
use scene3d_mast3r::resize::{Filter, resize};
use tch::{Device, Kind, Tensor};

fn bytes(image: &Tensor) -> Vec<u8> {
    Vec::try_from(image.flatten(0, -1)).unwrap()
}

fn size_of(image: &Tensor) -> [usize; 2] {
    [image.size()[1] as usize, image.size()[0] as usize]
}

#[test]
fn resized_bytes_are_pillows() {
    let (golden, images) = (golden("resize"), golden("images"));
    let (photo, noise) = (images.get("img0"), golden.get("noise"));
    let strip = photo.narrow(0, 0, 50).contiguous();
    for (name, source, filter) in [
        ("lanczos_photo_128x96", photo, Filter::Lanczos),
        ("lanczos_photo_147x110", photo, Filter::Lanczos),
        ("lanczos_photo_320x31", photo, Filter::Lanczos),
        ("lanczos_noise_40x25", noise, Filter::Lanczos),
        ("bicubic_noise_160x101", noise, Filter::Bicubic),
        ("bicubic_photo_320x100", &strip, Filter::Bicubic),
    ] {
        let expected = golden.get(name);
        let got = resize(&bytes(source), size_of(source), size_of(expected), filter);
        let num_different = got.iter().zip(bytes(expected)).filter(|(got, expected)| **got != *expected).count();
        assert_eq!((got.len(), num_different), (bytes(expected).len(), 0), "{name}");
    }
}

/// The golden's sizes don't pass through a crop, so the crop is checked on an image that needs no resizing.
#[test]
fn a_photo_becomes_values_around_zero() {
    let photo: Vec<u8> = (0..512 * 344 * 3).map(|i| (i % 251) as u8).collect();
    let image = NetworkImage::new(&photo, [512, 344], 512).unwrap();
    assert_eq!(image.rgb, photo[4 * 512 * 3..340 * 512 * 3]);
    let tensor = image.to_tensor(Device::Cpu).unwrap();
    assert_eq!((tensor.size(), tensor.kind()), (vec![1, 3, 336, 512], Kind::Float));
    let first = f32::from(image.rgb[2 * 512 * 3 + 5 * 3 + 1]);
    assert_eq!(tensor.double_value(&[0, 1, 2, 5]) as f32, (first / 255.0 - 0.5) / 0.5);
}
