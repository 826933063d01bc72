//! Every number that the network needs, from the checkpoint's model string or from the shapes of its tensors.

use scene3d_torch::Weights;

use crate::keywords::Keywords;
use crate::{Mast3rError, Result};

/// Side of a patch in px; the DPT head's four scales and the descriptors' cells are made for 16.
pub const PATCH_SIZE: i64 = 16;
/// Channels of a head of attention where nothing says otherwise: as in every released network of the family.
const HEAD_DIM: i64 = 64;
/// Where `torch.save` leaves the model string of the official checkpoints.
const MODEL_STRING: &str = "args.model";
/// Decoder blocks above which the head's four tokens differ (the reference asserts it).
const MIN_DECODER_DEPTH: i64 = 10;
/// Far above any network; a hostile model string must not have its parameters listed without end.
const MAX_DEPTH: i64 = 256;

/// A stack of transformer blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// Channels of a token.
    pub dim: i64,
    /// Blocks.
    pub depth: i64,
    /// Heads of attention.
    pub num_heads: i64,
}

impl Stack {
    /// Channels of a head of attention.
    #[must_use]
    pub fn head_dim(&self) -> i64 {
        self.dim / self.num_heads
    }
}

/// Channels inside the heads; no model string has them, so they are read from the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadDims {
    /// Of the four maps that are projected from tokens, finest first.
    pub layers: [i64; 4],
    /// Of the maps that are fused.
    pub features: i64,
    /// Before the last layer of the point head.
    pub last: i64,
    /// Inside the descriptor head.
    pub hidden: i64,
}

/// `min + e^x`, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceMode {
    /// Lower bound.
    pub min: f64,
    /// Upper bound, maybe infinite.
    pub max: f64,
}

/// An AsymmetricMASt3R network.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// `[height, width]` in px that the network was trained for; the larger one is the long side it is fed.
    pub image_size: [i64; 2],
    /// Shared by both views.
    pub encoder: Stack,
    /// Once for each view.
    pub decoder: Stack,
    /// Hidden channels of a block's feed-forward network, as a multiple of its tokens'.
    pub mlp_ratio: i64,
    /// Base of the rotary position encoding.
    pub rope_base: f64,
    /// Channels of a pixel's descriptor.
    pub descriptor_dim: i64,
    /// Of the points.
    pub confidence: ConfidenceMode,
    /// Of the descriptors.
    pub descriptor_confidence: ConfidenceMode,
    /// Inside the heads.
    pub heads: HeadDims,
}

impl Architecture {
    /// The released network: ViT-L encoder, base decoders.
    #[must_use]
    pub fn released() -> Self {
        let encoder = Stack { dim: 1024, depth: 24, num_heads: 16 };
        let decoder = Stack { dim: 768, depth: 12, num_heads: 12 };
        Self {
            image_size: [512, 512],
            encoder,
            decoder,
            mlp_ratio: 4,
            rope_base: 100.0,
            descriptor_dim: 24,
            confidence: ConfidenceMode { min: 1.0, max: f64::INFINITY },
            descriptor_confidence: ConfidenceMode { min: 0.0, max: f64::INFINITY },
            heads: HeadDims::released(encoder, decoder),
        }
    }

    /// Of a checkpoint: its model string if it has one, else its tensors' shapes.
    ///
    /// # Errors
    /// [`Mast3rError::Syntax`], [`Mast3rError::Unsupported`] for a model string of something else;
    /// [`Mast3rError::UnknownArchitecture`] if the tensors don't tell either.
    pub fn of(weights: &Weights) -> Result<Self> {
        let architecture = match weights.attribute(MODEL_STRING) {
            Some(text) => Self::parse(text)?,
            None => Self::inferred(weights)?,
        };
        architecture.with_heads_of(weights)
    }

    /// Of a model string, with the released heads.
    ///
    /// As the reference's loader: `ManyAR_PatchEmbed` is a plain patch embedding with the same parameters,
    /// `landscape_only` is off whatever the string says, a missing `desc_conf_mode` is the points' `conf_mode`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn parse(text: &str) -> Result<Self> {
        let keywords = Keywords::parse(text)?;
        let encoder = keywords.stack("enc")?;
        let decoder = keywords.stack("dec")?;
        let confidence = keywords.confidence("conf_mode")?.unwrap_or(Self::released().confidence);
        Self {
            image_size: keywords.image_size()?,
            encoder,
            decoder,
            mlp_ratio: keywords.optional_integer("mlp_ratio")?.unwrap_or(4),
            rope_base: keywords.rope_base()?,
            descriptor_dim: keywords.descriptor_dim()?,
            confidence,
            descriptor_confidence: keywords.confidence("desc_conf_mode")?.unwrap_or(confidence),
            heads: HeadDims::released(encoder, decoder),
        }
        .checked()
    }

    /// Of tensors alone: sizes from shapes, all else as released, 64 channels a head of attention.
    fn inferred(weights: &Weights) -> Result<Self> {
        let rows = |name: &str| weights.shape(name).and_then(|shape| shape.first().copied());
        let unknown = || {
            let message = "the weights have no model string and no tensors of a MASt3R network: expected \
                           patch_embed.proj.weight and decoder_embed.weight";
            Mast3rError::UnknownArchitecture(message.to_owned())
        };
        let stack = |dim: Option<i64>, blocks: &str| {
            let dim = dim.ok_or_else(unknown)?;
            if dim % HEAD_DIM != 0 {
                let message = format!(
                    "the weights have no model string, and tokens of {dim} channels don't divide into heads of \
                     {HEAD_DIM}: give the architecture"
                );
                return Err(Mast3rError::UnknownArchitecture(message));
            }
            let has_block = |index: &i64| weights.contains(&format!("{blocks}.{index}.norm1.weight"));
            Ok(Stack { dim, depth: (0..).take_while(has_block).count() as i64, num_heads: dim / HEAD_DIM })
        };
        let encoder = stack(rows("patch_embed.proj.weight"), "enc_blocks")?;
        let decoder = stack(rows("decoder_embed.weight"), "dec_blocks")?;
        let cell = rows("downstream_head1.head_local_features.fc2.weight").ok_or_else(unknown)?;
        let descriptor_dim = cell / (PATCH_SIZE * PATCH_SIZE) - 1;
        Self { encoder, decoder, descriptor_dim, ..Self::released() }.checked()
    }

    /// With the channels of the checkpoint's heads; a missing tensor leaves the released number, and is reported when
    /// the tensors are read.
    fn with_heads_of(mut self, weights: &Weights) -> Result<Self> {
        let rows = |name: String, default: i64| {
            let shape = weights.shape(&format!("downstream_head1.{name}.weight"));
            shape.and_then(|shape| shape.first().copied()).unwrap_or(default)
        };
        let released = self.heads;
        self.heads = HeadDims {
            layers: [0, 1, 2, 3].map(|i| rows(format!("dpt.act_postprocess.{i}.0"), released.layers[i])),
            features: rows("dpt.scratch.refinenet1.out_conv".to_owned(), released.features),
            last: rows("dpt.head.2".to_owned(), released.last),
            hidden: rows("head_local_features.fc1".to_owned(), released.hidden),
        };
        self.checked()
    }

    fn checked(self) -> Result<Self> {
        for (what, stack) in [("encoder", self.encoder), ("decoder", self.decoder)] {
            // a rotation turns pairs of channels, for rows and for columns
            if stack.dim % (4 * stack.num_heads) != 0 {
                let message = format!(
                    "{what} of {} channels and {} heads: expected 4 channels or a multiple in a head",
                    stack.dim, stack.num_heads
                );
                return Err(Mast3rError::UnknownArchitecture(message));
            }
            if stack.depth > MAX_DEPTH {
                let message = format!("{what} of {} blocks: expected {MAX_DEPTH} or fewer", stack.depth);
                return Err(Mast3rError::UnknownArchitecture(message));
            }
        }
        if self.decoder.depth < MIN_DECODER_DEPTH {
            let message =
                format!("decoder of {} blocks: the point head needs {MIN_DECODER_DEPTH} or more", self.decoder.depth);
            return Err(Mast3rError::UnknownArchitecture(message));
        }
        Ok(self)
    }

    /// Outputs of the decoder that the point head reads, as numbers of blocks run; 0 is the encoder's output.
    #[must_use]
    pub fn hooks(&self) -> [i64; 4] {
        let depth = self.decoder.depth;
        [0, depth * 2 / 4, depth * 3 / 4, depth]
    }
}

impl HeadDims {
    fn released(encoder: Stack, decoder: Stack) -> Self {
        Self { layers: [96, 192, 384, 768], features: 256, last: 128, hidden: 4 * (encoder.dim + decoder.dim) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICIAL: &str = "AsymmetricMASt3R(pos_embed='RoPE100', patch_embed_cls='ManyAR_PatchEmbed', \
        img_size=(512, 512), head_type='catmlp+dpt', output_mode='pts3d+desc24', depth_mode=('exp', -inf, inf), \
        conf_mode=('exp', 1, inf), enc_embed_dim=1024, enc_depth=24, enc_num_heads=16, dec_embed_dim=768, dec_depth=12, \
        dec_num_heads=12, two_confs=True, desc_conf_mode=('exp', 0, inf))";

    #[test]
    fn the_official_string_is_the_released_network() {
        assert_eq!(Architecture::parse(OFFICIAL).unwrap(), Architecture::released());
        let forced = OFFICIAL.replace("two_confs", "landscape_only=True, two_confs");
        assert_eq!(Architecture::parse(&forced).unwrap(), Architecture::released());
        assert_eq!(Architecture::released().hooks(), [0, 6, 9, 12]);
    }

    #[test]
    fn a_missing_descriptor_confidence_is_the_points() {
        let text = OFFICIAL.replace(", desc_conf_mode=('exp', 0, inf)", "").replace("('exp', 1, inf)", "('exp', 2, 9)");
        let architecture = Architecture::parse(&text).unwrap();
        assert_eq!(architecture.descriptor_confidence, ConfidenceMode { min: 2.0, max: 9.0 });
    }

    #[test]
    fn what_is_not_supported_is_named_with_what_is() {
        for (from, to, message) in [
            ("Asymmetric", "Symmetric", "class = SymmetricMASt3R, supported: AsymmetricMASt3R"),
            ("catmlp+dpt", "linear", "head_type = 'linear', supported: 'catmlp+dpt'"),
            ("True", "False", "two_confs = False, supported: True"),
            ("('exp', -inf, inf)", "('exp', 0, inf)", "supported: ('exp', -inf, inf)"),
            ("('exp', 1, inf)", "('sigmoid', 0, 1)", "conf_mode = ('sigmoid', 0, 1), supported: ('exp', min, max)"),
            ("RoPE100", "cosine", "pos_embed = 'cosine'"),
            ("pts3d+desc24", "pts3d", "output_mode = 'pts3d'"),
            ("enc_depth=24", "enc_depth=-1", "enc_depth = -1, supported: a positive integer"),
            ("enc_depth=24, ", "", "enc_depth = nothing, supported: a positive integer"),
            ("enc_embed_dim=1024", "enc_embed_dim=1e18", "supported: a positive integer"),
            ("enc_num_heads=16", "enc_num_heads=300", "expected 4 channels"),
            ("dec_depth=12", "dec_depth=2", "decoder of 2 blocks"),
            ("enc_depth=24", "enc_depth=60000", "encoder of 60000 blocks: expected 256 or fewer"),
            ("(512, 512)", "(512, 500)", "multiples of 16"),
            ("two_confs", "wavelets=3, two_confs", "wavelets = 3, supported: the keywords conf_mode"),
        ] {
            let error = Architecture::parse(&OFFICIAL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn foreign_weights_tell_no_architecture() {
        let weights = Weights::from_formula([("conv1.weight", &[8, 3, 3, 3][..])]).unwrap();
        let error = Architecture::of(&weights).unwrap_err().to_string();
        assert!(error.contains("no model string"), "{error}");
    }
}
