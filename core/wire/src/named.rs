//! Lists of named tensors, owned and borrowed.

use scene3d_tensor::{Element, Tensor, TensorView};

use crate::WireError;

/// Owned tensors by name.
pub type Named = Vec<(String, Tensor)>;

/// What a matcher keeps of one image between `prepare` and its last pair.
pub type Prepared = Named;

/// Borrowed tensors by name.
#[derive(Debug, Clone, Default)]
pub struct NamedView<'a>(pub Vec<(&'a str, TensorView<'a>)>);

/// What a matcher prepared of one image, borrowed for a call.
pub type PreparedView<'a> = NamedView<'a>;

impl<'a> NamedView<'a> {
    /// Borrows a list.
    #[must_use]
    pub fn of(named: &'a Named) -> Self {
        Self(named.iter().map(|(name, tensor)| (name.as_str(), tensor.view())).collect())
    }

    /// The tensor of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<TensorView<'a>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, view)| *view)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`WireError::Missing`] if there is none.
    pub fn get(&self, name: &str) -> Result<TensorView<'a>, WireError> {
        self.find(name).ok_or_else(|| WireError::Missing(name.to_owned()))
    }

    /// The elements of the row-major host tensor of that name.
    ///
    /// # Errors
    /// [`WireError`] if it is missing, elsewhere or of another type.
    pub fn slice<T: Element>(&self, name: &str) -> Result<&'a [T], WireError> {
        self.get(name)?.as_slice().map_err(WireError::tensor(name))
    }

    /// Rows of `N` elements of the row-major host tensor `[R, N]` of that name.
    ///
    /// # Errors
    /// [`WireError`] if it is missing, elsewhere, or of another type or width.
    pub fn rows<T: Element, const N: usize>(&self, name: &str) -> Result<&'a [[T; N]], WireError> {
        let (rows, rest) = self.slice::<T>(name)?.as_chunks::<N>();
        let shape = self.get(name)?.shape();
        if !rest.is_empty() || shape.last() != Some(&(N as i64)) {
            return Err(WireError::content(name, format!("has shape {shape:?}, expected [R, {N}]")));
        }
        Ok(rows)
    }

    /// The two entries of an `image_size [2] u32`.
    pub(crate) fn image_size(&self) -> Result<[u32; 2], WireError> {
        match self.slice::<u32>("image_size")? {
            &[width, height] => Ok([width, height]),
            other => Err(WireError::content("image_size", format!("has {} entries, expected 2", other.len()))),
        }
    }

    /// Text carried as `u8`.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.slice(name)?).map_err(|error| WireError::content(name, error.to_string()))
    }
}

/// The tensors of one item of a batch, their names without its number.
#[must_use]
pub fn item<'a>(ports: &NamedView<'a>, prefix: &str) -> NamedView<'a> {
    let of_item = |(name, view): &(&'a str, TensorView<'a>)| {
        name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')).map(|name| (name, *view))
    };
    NamedView(ports.0.iter().filter_map(of_item).collect())
}

/// The tensors of every item of a batch, in order.
///
/// # Errors
/// [`WireError::Content`] for a name that does not begin with an item's number, or a number that was left out.
pub fn items<'a>(ports: &NamedView<'a>) -> Result<Vec<NamedView<'a>>, WireError> {
    let mut items: Vec<NamedView<'a>> = Vec::new();
    for (name, view) in &ports.0 {
        let numbered = name.split_once('.').and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest)));
        let Some((number, rest)) = numbered.filter(|(number, _)| *number <= items.len()) else {
            return Err(WireError::content(name, "expected an item's number in front, counted up from 0"));
        };
        if number == items.len() {
            items.push(NamedView::default());
        }
        items[number].0.push((rest, *view));
    }
    Ok(items)
}

pub(crate) fn tensor<T: Element>(name: &str, values: Vec<T>, shape: &[i64]) -> Result<(String, Tensor), WireError> {
    Ok((name.to_owned(), Tensor::from_vec(values, shape).map_err(WireError::tensor(name))?))
}

pub(crate) fn vector<T: Element>(name: &str, values: Vec<T>) -> Result<(String, Tensor), WireError> {
    let len = values.len() as i64;
    tensor(name, values, &[len])
}

pub(crate) fn rows<T: Element, const N: usize>(name: &str, rows: &[[T; N]]) -> Result<(String, Tensor), WireError> {
    tensor(name, rows.as_flattened().to_vec(), &[rows.len() as i64, N as i64])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_told_apart_by_their_number() {
        let named = vec![
            vector("0.a", vec![1_u8]).unwrap(),
            vector("0.b", vec![2_u8]).unwrap(),
            vector("1.a", vec![3_u8]).unwrap(),
        ];
        let items = items(&NamedView::of(&named)).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[1].slice::<u8>("a").unwrap(), &[3]);
        assert_eq!(items[0].get("c").unwrap_err().to_string(), "tensor `c` is missing");
    }

    #[test]
    fn a_skipped_number_is_an_error() {
        let named = vec![vector("1.a", vec![1_u8]).unwrap()];
        assert!(items(&NamedView::of(&named)).is_err());
    }
}
