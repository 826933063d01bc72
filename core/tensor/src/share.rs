//! One memory for several owners, and DLPack's form before 1.0: what other libraries of the same process are handed.
#![allow(unsafe_code)] // DLPack is a C interface: raw pointers are its vocabulary

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::dlpack::{DlManagedTensor, DlManagedTensorUnversioned, DlVersion, FLAG_READ_ONLY, MAJOR, MINOR};
use crate::{Tensor, TensorError};

impl Tensor {
    /// A tensor over the memory of another, which lives for as long as either does. Marked read-only: whoever shares it
    /// may be reading.
    #[must_use]
    pub fn share(owner: &Arc<Self>) -> Self {
        let shared = Box::new(DlManagedTensor {
            version: DlVersion { major: MAJOR, minor: MINOR },
            manager_ctx: Arc::into_raw(Arc::clone(owner)).cast_mut().cast(),
            deleter: Some(delete_share),
            flags: FLAG_READ_ONLY,
            dl_tensor: *owner.view().dl(),
        });
        Self::owning(NonNull::from(Box::leak(shared)))
    }

    /// Gives the tensor away as `*mut DLManagedTensor`, for those who know no versions of DLPack; the receiver calls the
    /// deleter. That form can't say that a tensor is read-only.
    #[must_use]
    pub fn into_raw_unversioned(self) -> *mut c_void {
        let dl_tensor = *self.view().dl();
        let manager_ctx = self.into_raw();
        let unversioned =
            Box::new(DlManagedTensorUnversioned { dl_tensor, manager_ctx, deleter: Some(delete_unversioned) });
        Box::into_raw(unversioned).cast()
    }

    /// Frees what [`Self::into_raw_unversioned`], or any producer of that form, gave away and nobody took.
    ///
    /// # Safety
    /// `raw` is null or a `DLManagedTensor` that nobody else owns.
    pub unsafe fn drop_unversioned(raw: *mut c_void) {
        let Some(tensor) = NonNull::new(raw.cast::<DlManagedTensorUnversioned>()) else { return };
        // SAFETY: the caller owns the tensor; the deleter is called exactly once.
        unsafe {
            if let Some(deleter) = tensor.as_ref().deleter {
                deleter(tensor.as_ptr());
            }
        }
    }

    /// Takes over a `DLManagedTensor` of DLPack before 1.0.
    ///
    /// # Safety
    /// `raw` is null or a `DLManagedTensor` that nobody else owns.
    ///
    /// # Errors
    /// [`TensorError::Malformed`] for a null pointer or contradictory fields.
    pub unsafe fn from_raw_unversioned(raw: *mut c_void) -> Result<Self, TensorError> {
        let unversioned = NonNull::new(raw.cast::<DlManagedTensorUnversioned>())
            .ok_or_else(|| TensorError::Malformed("null pointer".to_owned()))?;
        let managed = Box::new(DlManagedTensor {
            version: DlVersion { major: MAJOR, minor: MINOR },
            manager_ctx: raw,
            deleter: Some(delete_taken_over),
            flags: 0,
            // SAFETY: the caller says that this is a `DLManagedTensor`.
            dl_tensor: unsafe { unversioned.as_ref() }.dl_tensor,
        });
        let tensor = Self::owning(NonNull::from(Box::leak(managed)));
        tensor.view().check()?;
        Ok(tensor)
    }
}

unsafe extern "C" fn delete_share(managed: *mut DlManagedTensor) {
    // SAFETY: box and owner were leaked by `Tensor::share`, and DLPack calls a deleter once.
    unsafe {
        drop(Arc::from_raw((*managed).manager_ctx.cast_const().cast::<Tensor>()));
        drop(Box::from_raw(managed));
    }
}

unsafe extern "C" fn delete_unversioned(unversioned: *mut DlManagedTensorUnversioned) {
    // SAFETY: box and tensor were leaked by `Tensor::into_raw_unversioned`, and DLPack calls a deleter once.
    unsafe {
        drop(Tensor::owning(NonNull::new_unchecked((*unversioned).manager_ctx.cast())));
        drop(Box::from_raw(unversioned));
    }
}

unsafe extern "C" fn delete_taken_over(managed: *mut DlManagedTensor) {
    // SAFETY: the box was leaked by `Tensor::from_raw_unversioned`, which took over what its `manager_ctx` points to.
    unsafe {
        Tensor::drop_unversioned((*managed).manager_ctx);
        drop(Box::from_raw(managed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    fn numbers() -> Arc<Tensor> {
        Arc::new(Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]).unwrap())
    }

    #[test]
    fn a_share_outlives_its_owner_at_the_same_address() {
        let owner = numbers();
        let (first, second) = (Tensor::share(&owner), Tensor::share(&owner));
        assert_eq!((first.view().data(), second.view().data()), (owner.view().data(), owner.view().data()));
        assert!(first.view().is_read_only() && !owner.view().is_read_only());
        assert_eq!(Arc::strong_count(&owner), 3);
        drop(second);
        assert_eq!(Arc::strong_count(&owner), 2);
        drop(owner);
        assert_eq!(first.view().as_slice::<f32>().unwrap()[5], 6.0);
    }

    #[test]
    fn a_tensor_crosses_in_the_form_without_versions() {
        let owner = numbers();
        // SAFETY: the pointer comes from `into_raw_unversioned`.
        let back = unsafe { Tensor::from_raw_unversioned(Tensor::share(&owner).into_raw_unversioned()) }.unwrap();
        assert_eq!((back.view().shape(), back.view().dtype()), (&[3, 2][..], DType::F32));
        assert_eq!(back.view().data(), owner.view().data());
        drop(back);
        assert_eq!(Arc::strong_count(&owner), 1, "the deleters ran through");
        // SAFETY: the pointer comes from `into_raw_unversioned`; null is allowed.
        unsafe {
            Tensor::drop_unversioned(Tensor::share(&owner).into_raw_unversioned());
            Tensor::drop_unversioned(std::ptr::null_mut());
        }
        assert_eq!(Arc::strong_count(&owner), 1);
    }
}
