"""Tensors cross between libraries without a copy, and live for as long as anybody looks at them."""

import gc
import unittest
import weakref

import numpy as np

import scene3d

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


class Unversioned:
    """A producer that knows no versions of DLPack, as libraries before 2023."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__(stream=stream)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Views(unittest.TestCase):
    def test_views_share_the_memory(self):
        tensor = scene3d.Tensor.from_dlpack(VALUES)
        first, second = np.from_dlpack(tensor), tensor.numpy()
        self.assertEqual({address(VALUES)}, {address(first), address(second), address(np.asarray(tensor))})
        np.testing.assert_array_equal(first, VALUES)
        self.assertEqual((tensor.shape, tensor.dtype, tensor.nbytes, len(tensor)), ((4, 3), "float32", 48, 4))
        self.assertEqual(repr(tensor), "scene3d.Tensor([4, 3], float32)")

    def test_a_view_outlives_the_tensor_and_the_array_below_is_freed_with_the_last(self):
        array = VALUES.copy()
        freed = weakref.ref(array)
        tensor = scene3d.Tensor.from_dlpack(array)
        view = np.from_dlpack(tensor)
        del array, tensor
        gc.collect()
        self.assertIsNotNone(freed())
        np.testing.assert_array_equal(view, VALUES)
        del view
        gc.collect()
        self.assertIsNone(freed())

    def test_views_are_read_only_and_copies_are_not(self):
        tensor = scene3d.Tensor.from_dlpack(VALUES)
        with self.assertRaises(ValueError):
            tensor.numpy()[0, 0] = 1
        for copy in (np.from_dlpack(tensor, copy=True), np.array(tensor), tensor.numpy().copy()):
            copy[0, 0] = 7
        self.assertEqual((VALUES[0, 0], tensor.numpy()[0, 0]), (0, 0))
        self.assertEqual(np.asarray(tensor, dtype=np.float64).dtype, np.float64)

    def test_both_forms_of_dlpack_are_spoken(self):
        tensor = scene3d.Tensor.from_dlpack(Unversioned(VALUES))
        self.assertEqual(address(tensor.numpy()), address(VALUES))
        old = np.from_dlpack(Unversioned(tensor))
        self.assertEqual(address(old), address(VALUES))
        del tensor
        np.testing.assert_array_equal(old, VALUES)

    def test_a_capsule_that_nobody_takes_frees_its_tensor(self):
        array = VALUES.copy()
        freed = weakref.ref(array)
        tensor = scene3d.Tensor.from_dlpack(array)
        capsules = [tensor.__dlpack__(), tensor.__dlpack__(max_version=(1, 0)), tensor.__dlpack__(copy=True)]
        del array, tensor
        self.assertIsNotNone(freed())
        del capsules
        gc.collect()
        self.assertIsNone(freed())

    def test_every_element_type_crosses(self):
        for dtype in (np.uint8, np.uint32, np.uint64, np.int32, np.int64, np.float16, np.float32, np.float64):
            tensor = scene3d.Tensor.from_dlpack(np.ones((2, 0), dtype))
            self.assertEqual((tensor.dtype, tensor.numpy().dtype), (np.dtype(dtype).name, dtype))

    def test_what_can_not_cross_is_refused(self):
        with self.assertRaisesRegex(scene3d.Error, "does not carry"):
            scene3d.Tensor.from_dlpack(np.ones(3, np.complex64))
        tensor = scene3d.Tensor.from_dlpack(VALUES)
        for options in ({"stream": 1}, {"dl_device": (2, 0)}):
            with self.assertRaises(BufferError):
                tensor.__dlpack__(**options)
        with self.assertRaises(AttributeError):
            scene3d.Tensor.from_dlpack([1, 2, 3])


class Torch(unittest.TestCase):
    def test_views_share_the_memory_and_outlive_the_tensor(self):
        try:
            import torch
        except ImportError as error:
            self.skipTest(f"torch is not installed: {error}")
        tensor = scene3d.Tensor.from_dlpack(VALUES)
        view = torch.from_dlpack(tensor)
        self.assertEqual(view.data_ptr(), address(VALUES))
        del tensor
        gc.collect()
        np.testing.assert_array_equal(view.numpy(), VALUES)
        back = scene3d.Tensor.from_dlpack(torch.ones(2, 3))
        np.testing.assert_array_equal(back.numpy(), np.ones((2, 3), np.float32))


if __name__ == "__main__":
    unittest.main()
