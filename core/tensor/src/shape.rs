//! Shape specs such as `[N, 2]`: numbers are fixed, names are bound on first sight and must agree afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::TensorError;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Dim {
    Fixed(i64),
    Named(String),
}

/// The shape a port declares, e.g. `[N, 128]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeSpec(Vec<Dim>);

/// What the names of several specs stand for, e.g. `N = 2048`.
pub type Dimensions = BTreeMap<String, i64>;

impl ShapeSpec {
    /// Checks a shape and binds the names that are new.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if rank, a fixed number or an already bound name differs.
    pub fn check(&self, shape: &[i64], bound: &mut Dimensions) -> Result<(), TensorError> {
        let fits = shape.len() == self.0.len()
            && self.0.iter().zip(shape).all(|(dim, &got)| match dim {
                Dim::Fixed(expected) => *expected == got,
                Dim::Named(name) => got >= 0 && *bound.entry(name.clone()).or_insert(got) == got,
            });
        if fits {
            return Ok(());
        }
        Err(TensorError::Shape { expected: self.describe(bound), got: shape.to_vec() })
    }

    fn describe(&self, bound: &Dimensions) -> String {
        let of_dim = |dim: &Dim| match dim {
            Dim::Fixed(number) => number.to_string(),
            Dim::Named(name) => bound.get(name).map_or_else(|| name.clone(), |value| format!("{name}={value}")),
        };
        format!("[{}]", self.0.iter().map(of_dim).collect::<Vec<_>>().join(", "))
    }
}

impl FromStr for ShapeSpec {
    type Err = TensorError;

    fn from_str(spec: &str) -> Result<Self, TensorError> {
        let malformed = || TensorError::Spec(spec.to_owned());
        let inner = spec.trim().strip_prefix('[').and_then(|s| s.strip_suffix(']')).ok_or_else(malformed)?;
        if inner.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        let dim = |part: &str| {
            let part = part.trim();
            if let Ok(number) = part.parse::<i64>() {
                return (number >= 0).then_some(Dim::Fixed(number));
            }
            let is_name =
                part.starts_with(char::is_alphabetic) && part.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name.then(|| Dim::Named(part.to_owned()))
        };
        inner.split(',').map(dim).collect::<Option<Vec<_>>>().map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for ShapeSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.describe(&Dimensions::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bound_once_and_then_hold() {
        let (positions, scores): (ShapeSpec, ShapeSpec) = ("[N, 2]".parse().unwrap(), "[N]".parse().unwrap());
        let mut bound = Dimensions::new();
        positions.check(&[7, 2], &mut bound).unwrap();
        scores.check(&[7], &mut bound).unwrap();
        let error = scores.check(&[8], &mut bound).unwrap_err();
        assert_eq!(error.to_string(), "tensor has shape [8], expected [N=7]");
        assert!(positions.check(&[7, 3], &mut bound).is_err());
        assert!(positions.check(&[7], &mut bound).is_err());
    }

    #[test]
    fn malformed_specs_are_refused() {
        for spec in ["N, 2", "[N, ]", "[-1]", "[N 2]", "["] {
            assert!(spec.parse::<ShapeSpec>().is_err(), "{spec}");
        }
        assert_eq!("[]".parse::<ShapeSpec>().unwrap().to_string(), "[]");
    }
}
