//! Retrieval of which parts are done elsewhere: the codebook of the set goes out, vectors of shards come back and make one
//! index.

use scene3d_tensor::Tensor;
use scene3d_wire::NamedView;

use crate::delegate::{Delegate, Part, PartTask};
use crate::extractions::{Extractions, Sources};
use crate::hash::{Key, key_of};
use crate::retrieval::{ImageDescriptors, Retrieval};
use crate::split::shards;
use crate::{PipelineError, tensor_file};

const CODEBOOK: &str = "codebook";
const VECTORS: &str = "vectors";

/// Centres `[K, D]` that descriptors are assigned to.
type Codebook = Vec<Vec<f32>>;

/// Vectors of all images, in order; of a shard that does not come back they are made here.
pub(crate) fn describe_elsewhere(
    sources: Sources<'_>,
    extractions: &Extractions,
    (retrieval, images): (&Retrieval<'_>, &impl ImageDescriptors),
    codebook: &Codebook,
    delegate: &dyn Delegate,
) -> Result<Vec<Vec<f32>>, PipelineError> {
    let key = write_codebook(sources, codebook)?;
    let places: Vec<usize> = (0..sources.photos.len()).collect();
    let shard_len = delegate.images_per_shard().max(1);
    let path_of = |shard: &[usize]| sources.artifacts.retrieval(&vectors_key(&key, extractions, shard));
    let task = PartTask::Describe { codebook: key.clone() };
    // an earlier attempt may have described some
    let missing = places.chunks(shard_len).filter(|shard| !path_of(shard).exists());
    let parts: Vec<Part> = missing.flat_map(|shard| shards(sources.photos, shard, shard_len, &task)).collect();
    if !parts.is_empty() {
        delegate.work(parts, &|_| {}, &sources.context.cancel)?;
    }
    let mut vectors = Vec::with_capacity(places.len());
    for shard in places.chunks(shard_len) {
        match sources.context.reuse(tensor_file::read(&path_of(shard)))? {
            Some(tensors) => {
                let values = NamedView::of(&tensors).slice::<f32>(VECTORS)?.to_vec();
                let dim = values.len() / shard.len().max(1);
                let of_image = |(row, &image): (usize, &usize)| match images.num_descriptors(image) {
                    0 => Vec::new(),
                    _ => values[row * dim..(row + 1) * dim].to_vec(),
                };
                vectors.extend(shard.iter().enumerate().map(of_image));
            }
            None => vectors.extend(retrieval.describe(images, shard.iter().copied(), codebook)?),
        }
    }
    Ok(vectors)
}

/// Describes the images of a shard and writes their vectors.
pub(crate) fn describe_shard(
    sources: Sources<'_>,
    extractions: &Extractions,
    (retrieval, images): (&Retrieval<'_>, &impl ImageDescriptors),
    codebook_key: &str,
) -> Result<(), PipelineError> {
    let codebook = read_codebook(sources, codebook_key)?;
    let shard: Vec<usize> = (0..sources.photos.len()).collect();
    let path = sources.artifacts.retrieval(&vectors_key(codebook_key, extractions, &shard));
    if path.exists() {
        return Ok(());
    }
    let vectors = retrieval.describe(images, shard.iter().copied(), &codebook)?;
    let dim = vectors.iter().map(Vec::len).max().unwrap_or(0);
    let row = |vector: &Vec<f32>| vector.iter().copied().chain(std::iter::repeat(0.0)).take(dim).collect::<Vec<f32>>();
    let values: Vec<f32> = vectors.iter().flat_map(row).collect();
    let tensor = Tensor::from_vec(values, &[shard.len() as i64, dim as i64])?;
    tensor_file::write(&path, &NamedView(vec![(VECTORS, tensor.view())]))
}

fn write_codebook(sources: Sources<'_>, codebook: &Codebook) -> Result<Key, PipelineError> {
    let dim = codebook.first().map_or(0, Vec::len);
    let tensor = Tensor::from_vec(codebook.concat(), &[codebook.len() as i64, dim as i64])?;
    let key = key_of([CODEBOOK.as_bytes(), tensor.view().as_bytes()?]);
    tensor_file::write(&sources.artifacts.retrieval(&key), &NamedView(vec![(CODEBOOK, tensor.view())]))?;
    Ok(key)
}

fn read_codebook(sources: Sources<'_>, key: &str) -> Result<Codebook, PipelineError> {
    let path = sources.artifacts.retrieval(key);
    let missing = || PipelineError::damaged(&path, "there is no such codebook");
    let tensors = tensor_file::read(&path)?.ok_or_else(missing)?;
    let codebook = NamedView::of(&tensors).get(CODEBOOK)?;
    let dim = codebook.shape().last().map_or(1, |&dim| dim as usize);
    Ok(codebook.as_slice::<f32>()?.chunks_exact(dim.max(1)).map(<[f32]>::to_vec).collect())
}

/// Key of the vectors of a shard: the codebook, and what was found in its images.
fn vectors_key(codebook_key: &str, extractions: &Extractions, shard: &[usize]) -> Key {
    let found =
        shard.iter().map(|&image| extractions.of_entry(0)[image].as_ref().map_or("", |features| &features.found));
    key_of([VECTORS, codebook_key].into_iter().chain(found).map(str::as_bytes))
}
