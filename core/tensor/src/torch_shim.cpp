// The bridge that tch lacks: DLPack in both directions, over ATen/DLConvertor.h. No exception leaves a function.
#include <ATen/DLConvertor.h>
#include <ATen/core/Tensor.h>

#include <cstring>
#include <exception>

namespace {
thread_local char last_error[512];

void remember(const char* what) {
  std::strncpy(last_error, what, sizeof last_error - 1);
  last_error[sizeof last_error - 1] = '\0';
}
}  // namespace

extern "C" {

// Valid until the next failing call on this thread.
const char* scene3d_torch_last_error() { return last_error; }

// The result owns a reference to the tensor's storage; null on failure.
void* scene3d_torch_to_dlpack(void* tensor) {
  try {
    return at::toDLPackVersioned(*static_cast<at::Tensor*>(tensor));
  } catch (const std::exception& error) {
    remember(error.what());
  } catch (...) {
    remember("unknown C++ exception");
  }
  return nullptr;
}

// Takes ownership of the DLPack tensor on success only; null on failure.
void* scene3d_torch_from_dlpack(void* managed) {
  try {
    return new at::Tensor(at::fromDLPackVersioned(static_cast<DLManagedTensorVersioned*>(managed)));
  } catch (const std::exception& error) {
    remember(error.what());
  } catch (...) {
    remember("unknown C++ exception");
  }
  return nullptr;
}
}
