//! What a pickle holds, as flat tables: values refer to each other by index.

use tch::Kind;

use crate::pickle_global::Global;

/// A value of a pickle; texts are those of the pickle itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// What makes no tensor: `None`, a bool, a float, a large integer, a list.
    Other,
    Int(i64),
    Text(&'a str),
    /// A range of the reader's elements.
    Tuple {
        first: usize,
        len: usize,
    },
    /// A list: never looked into.
    List,
    /// A dict, or the fields of an instance, by index.
    Object(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

/// An archive member that holds elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StorageRef<'a> {
    pub key: &'a str,
    pub kind: Kind,
    pub num_elements: i64,
}

/// A strided view of a storage, in elements.
#[derive(Debug, Clone)]
pub(crate) struct TensorRef<'a> {
    pub storage: StorageRef<'a>,
    pub offset: i64,
    pub shape: Vec<i64>,
    pub strides: Vec<i64>,
}

/// What a pickle holds.
pub(crate) struct Pickle<'a> {
    pub root: Value<'a>,
    objects: Vec<Items<'a>>,
    tensors: Vec<TensorRef<'a>>,
}

pub(crate) type Items<'a> = Vec<(Value<'a>, Value<'a>)>;

impl<'a> Pickle<'a> {
    pub(crate) fn new(root: Value<'a>, objects: Vec<Items<'a>>, tensors: Vec<TensorRef<'a>>) -> Self {
        Self { root, objects, tensors }
    }

    pub(crate) fn object(&self, value: Value<'a>) -> Option<(usize, &Items<'a>)> {
        let Value::Object(index) = value else { return None };
        Some((index, self.objects.get(index)?))
    }

    pub(crate) fn tensor(&self, value: Value<'a>) -> Option<&TensorRef<'a>> {
        let Value::Tensor(index) = value else { return None };
        self.tensors.get(index)
    }
}
