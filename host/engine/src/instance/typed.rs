//! The calls of an instance with typed inputs and outputs, by kind of stage.

use scene3d_abi::{ErrorCode, StageKind};
use scene3d_scene::{Correspondences, Matches};
use scene3d_tensor::{Device, Tensor, TensorError, TensorView};
use scene3d_wire::{
    Features, ImageFeatures, ImageTensor, Mapping, MatchGraph, Named, NamedView, Prepared, PreparedPair, WireError,
    correspondences_from_named, matches_from_named,
};

use super::ports::checked_items;
use super::{Call, Instance, mapping};
use crate::error::PluginError;

impl Instance {
    /// Features of each image, in order.
    ///
    /// # Errors
    /// The plugin's error; `INTERNAL` if its outputs are not what it declares.
    pub fn extract(&self, images: &[ImageTensor<'_>]) -> Result<Vec<Features>, PluginError> {
        self.check_kind(StageKind::Extractor)?;
        let sizes = self.image_sizes(images.iter().map(|image| image.image_size))?;
        let mut ports = Vec::with_capacity(2 * images.len());
        for (number, (image, size)) in images.iter().zip(&sizes).enumerate() {
            ports.push((format!("{number}.pixels"), image.pixels));
            ports.push((format!("{number}.image_size"), size.view()));
        }
        self.run_items(&ports, images.len())?.into_iter().map(|item| self.features(item)).collect()
    }

    /// What the matcher keeps of one image, however many pairs it is in. On CPU any instance of the same plugin may be
    /// given it.
    ///
    /// # Errors
    /// The plugin's error.
    pub fn prepare(&self, image: &ImageFeatures<'_>) -> Result<Prepared, PluginError> {
        self.check_kind(StageKind::Matcher)?;
        let size = &self.image_sizes([image.image_size].into_iter())?[0];
        let mut ports = vec![
            ("keypoints".to_owned(), image.keypoints),
            ("scores".to_owned(), image.scores),
            ("descriptors".to_owned(), image.descriptors),
            ("image_size".to_owned(), size.view()),
        ];
        ports.extend(image.pixels.map(|pixels| ("pixels".to_owned(), pixels)));
        self.call(Call::Prepare, &ports)
    }

    /// Matches of each pair, in order. `num_keypoints` of image 1 and 2 of each pair bound the indices.
    ///
    /// # Errors
    /// The plugin's error; `INTERNAL` if its outputs are not what it declares or an index is out of range.
    pub fn match_pairs(
        &self,
        pairs: &[PreparedPair<'_>],
        num_keypoints: &[[usize; 2]],
    ) -> Result<Vec<Matches>, PluginError> {
        let items = self.run_pairs(pairs, num_keypoints.len())?;
        let matches = |(item, num_keypoints): (&Named, &[usize; 2])| {
            matches_from_named(&NamedView::of(item), *num_keypoints).map_err(|error| self.malformed(&error))
        };
        items.iter().zip(num_keypoints).map(matches).collect()
    }

    /// Where the stage works.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Copies of tensors on a device: the stage's own, or host memory.
    ///
    /// # Errors
    /// The plugin's error; `INTERNAL` if the copies are not what was asked for.
    pub fn copy_to(&self, device: Device, tensors: &NamedView<'_>) -> Result<Named, PluginError> {
        let ports: Vec<_> = tensors.0.iter().map(|(name, view)| ((*name).to_owned(), *view)).collect();
        let copies = self.call(Call::Copy(device), &ports)?;
        let is_copy = |((name, view), (copied, copy)): (&(&str, TensorView<'_>), &(String, Tensor))| {
            let copy = copy.view();
            name == copied && copy.device() == device && copy.dtype() == view.dtype() && copy.shape() == view.shape()
        };
        if copies.len() != tensors.0.len() || !tensors.0.iter().zip(&copies).all(is_copy) {
            let message = format!("its copies on {device} are not those of the tensors given");
            let error = PluginError::new(self.plugin_id(), "copy", ErrorCode::INTERNAL, message);
            return Err(error.help("this is a bug of the plugin"));
        }
        Ok(copies)
    }

    /// Correspondences of each pair, in order, of a matcher that [finds them](Self::finds_correspondences).
    /// `image_sizes`, `[width, height]` in px of the original image 1 and 2 of each pair, bound the positions.
    ///
    /// # Errors
    /// The plugin's error; `INTERNAL` if its outputs are not what it declares or a position is outside of its image.
    pub fn correspond_pairs(
        &self,
        pairs: &[PreparedPair<'_>],
        image_sizes: &[[[u32; 2]; 2]],
    ) -> Result<Vec<Correspondences>, PluginError> {
        let items = self.run_pairs(pairs, image_sizes.len())?;
        let found = |(item, image_sizes): (&Named, &[[u32; 2]; 2])| {
            correspondences_from_named(&NamedView::of(item), *image_sizes).map_err(|error| self.malformed(&error))
        };
        items.iter().zip(image_sizes).map(found).collect()
    }

    /// Reconstructions of a match graph.
    ///
    /// # Errors
    /// The plugin's error; `INTERNAL` if its outputs contradict each other or the graph, or hold a number that is not
    /// finite.
    pub fn map(&self, graph: &MatchGraph) -> Result<Mapping, PluginError> {
        self.check_kind(StageKind::Mapper)?;
        let invalid =
            |error: WireError| PluginError::new(self.plugin_id(), "run", ErrorCode::INVALID_INPUT, error.to_string());
        let graph_tensors = graph.to_named().map_err(invalid)?;
        let ports: Vec<_> = graph_tensors.iter().map(|(name, tensor)| (name.clone(), tensor.view())).collect();
        let outputs = self.call(Call::Run, &ports)?;
        let mapping = Mapping::from_named(&NamedView::of(&outputs)).map_err(|error| self.malformed(&error))?;
        mapping::check(&mapping, graph).map_err(|error| self.malformed(&error))?;
        Ok(mapping)
    }

    fn run_pairs(&self, pairs: &[PreparedPair<'_>], num_bounds: usize) -> Result<Vec<Named>, PluginError> {
        self.check_kind(StageKind::Matcher)?;
        if pairs.len() != num_bounds {
            let message = format!("{} pairs with bounds of {num_bounds}", pairs.len());
            return Err(PluginError::new(self.plugin_id(), "run", ErrorCode::INVALID_INPUT, message));
        }
        let mut ports = Vec::new();
        for (number, pair) in pairs.iter().enumerate() {
            for (side, image) in [(1, &pair.image1), (2, &pair.image2)] {
                ports.extend(image.0.iter().map(|(name, view)| (format!("{number}.{side}.{name}"), *view)));
            }
        }
        self.run_items(&ports, pairs.len())
    }

    fn run_items(&self, ports: &[(String, TensorView<'_>)], num_items: usize) -> Result<Vec<Named>, PluginError> {
        let outputs = self.call(Call::Run, ports)?;
        checked_items(self.plugin_id(), &self.descriptor.outputs, self.device, outputs, num_items)
    }

    fn image_sizes(&self, sizes: impl Iterator<Item = [u32; 2]>) -> Result<Vec<Tensor>, PluginError> {
        let failed =
            |error: TensorError| PluginError::new(self.plugin_id(), "run", ErrorCode::INTERNAL, error.to_string());
        sizes.map(|size| Tensor::from_vec(size.to_vec(), &[2]).map_err(failed)).collect()
    }

    fn features(&self, mut item: Named) -> Result<Features, PluginError> {
        let mut take = |name: &str| {
            let index = item.iter().position(|(known, _)| known == name);
            index
                .map(|index| item.swap_remove(index).1)
                .ok_or_else(|| self.malformed(&WireError::Missing(name.to_owned())))
        };
        Ok(Features { keypoints: take("keypoints")?, scores: take("scores")?, descriptors: take("descriptors")? })
    }

    fn check_kind(&self, expected: StageKind) -> Result<(), PluginError> {
        if self.descriptor.kind == expected {
            return Ok(());
        }
        let message =
            format!("expected a stage of kind {}, it is of kind {}", expected.name(), self.descriptor.kind.name());
        Err(PluginError::new(self.plugin_id(), "run", ErrorCode::UNSUPPORTED, message))
    }

    fn malformed(&self, error: &WireError) -> PluginError {
        PluginError::new(self.plugin_id(), "run", ErrorCode::INTERNAL, format!("its output is malformed: {error}"))
            .help("this is a bug of the plugin")
    }
}
