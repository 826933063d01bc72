// What tch lacks of CUDA: streams, events, graphs and launches of own kernels, over libtorch and the CUDA runtime.
//
// A library of its own, opened when a CUDA device is first asked for: what it needs of libtorch_cuda.so, libc10_cuda.so and
// libcudart.so is found in the process then, so that a build for the CPU links nothing of CUDA. No exception leaves a
// function; 0 and pointers are success, -1 and null failures whose reason `scene3d_cuda_last_error` tells.
#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstring>
#include <exception>
#include <stdexcept>

namespace {
thread_local char last_error[512];

void remember(const char* what) {
  std::strncpy(last_error, what, sizeof last_error - 1);
  last_error[sizeof last_error - 1] = '\0';
}

void check(cudaError_t status) {
  if (status != cudaSuccess) {
    cudaGetLastError();  // so that the next call does not report it again
    throw std::runtime_error(cudaGetErrorString(status));
  }
}

template <class Result, class Body>
Result guarded(Result failure, Body body) {
  try {
    return body();
  } catch (const std::exception& error) {
    remember(error.what());
  } catch (...) {
    remember("unknown C++ exception");
  }
  return failure;
}

template <class Body>
int attempt(Body body) {
  return guarded(-1, [&] {
    body();
    return 0;
  });
}

using c10::cuda::CUDAStream;

struct Event {
  cudaEvent_t event;
  int device;
};
}  // namespace

extern "C" {

// Valid until the next failing call on this thread.
const char* scene3d_cuda_last_error() { return last_error; }

// Major version times 10, plus minor version.
int scene3d_cuda_capability(int device) {
  return guarded(-1, [&] {
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    return 10 * major + minor;
  });
}

// Machine code or PTX, which the driver compiles.
void* scene3d_cuda_library_load(const void* image) {
  return guarded<void*>(nullptr, [&] {
    cudaLibrary_t library = nullptr;
    check(cudaLibraryLoadData(&library, image, nullptr, nullptr, 0, nullptr, nullptr, 0));
    return static_cast<void*>(library);
  });
}

int scene3d_cuda_library_unload(void* library) {
  return attempt([&] { check(cudaLibraryUnload(static_cast<cudaLibrary_t>(library))); });
}

// Valid as long as the library.
void* scene3d_cuda_kernel(void* library, const char* name) {
  return guarded<void*>(nullptr, [&] {
    cudaKernel_t kernel = nullptr;
    check(cudaLibraryGetKernel(&kernel, static_cast<cudaLibrary_t>(library), name));
    return static_cast<void*>(kernel);
  });
}

// On torch's current stream of the device.
int scene3d_cuda_launch(void* kernel, int device, const unsigned* grid, unsigned threads, void** arguments) {
  return attempt([&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    const auto stream = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device));
    const dim3 blocks = {grid[0], grid[1], grid[2]}, block = {threads, 1, 1};
    check(cudaLaunchKernel(static_cast<const void*>(kernel), blocks, block, arguments, 0, stream.stream()));
  });
}

// One of torch's pool, not the default stream.
void* scene3d_cuda_stream_new(int device) {
  return guarded<void*>(nullptr, [&] {
    return static_cast<void*>(new CUDAStream(c10::cuda::getStreamFromPool(false, static_cast<c10::DeviceIndex>(device))));
  });
}

void scene3d_cuda_stream_free(void* stream) { delete static_cast<CUDAStream*>(stream); }

// Makes it this thread's current stream; returns the one before, which the caller frees.
void* scene3d_cuda_stream_enter(const void* stream) {
  return guarded<void*>(nullptr, [&] {
    const auto& entered = *static_cast<const CUDAStream*>(stream);
    auto before = std::make_unique<CUDAStream>(c10::cuda::getCurrentCUDAStream(entered.device_index()));
    c10::cuda::setCurrentCUDAStream(entered);
    return static_cast<void*>(before.release());
  });
}

int scene3d_cuda_stream_synchronize(const void* stream) {
  return attempt([&] { static_cast<const CUDAStream*>(stream)->synchronize(); });
}

// The tensor's memory is not given to others before the stream is done with what was queued up to its release.
int scene3d_cuda_record_stream(const void* tensor, const void* stream) {
  return attempt([&] {
    const auto& storage = static_cast<const at::Tensor*>(tensor)->storage();
    c10::cuda::CUDACachingAllocator::recordStream(storage.data_ptr(), *static_cast<const CUDAStream*>(stream));
  });
}

void* scene3d_cuda_event_new(int device, int is_timed) {
  return guarded<void*>(nullptr, [&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    auto event = std::make_unique<Event>(Event{nullptr, device});
    check(cudaEventCreateWithFlags(&event->event, is_timed ? cudaEventDefault : cudaEventDisableTiming));
    return static_cast<void*>(event.release());
  });
}

void scene3d_cuda_event_free(void* event) {
  cudaEventDestroy(static_cast<Event*>(event)->event);
  delete static_cast<Event*>(event);
}

// On torch's current stream of the event's device.
int scene3d_cuda_event_record(const void* event) {
  return attempt([&] {
    const auto& recorded = *static_cast<const Event*>(event);
    const auto stream = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(recorded.device));
    check(cudaEventRecord(recorded.event, stream.stream()));
  });
}

// What is queued next on torch's current stream of the event's device waits for it; the host does not.
int scene3d_cuda_event_wait(const void* event) {
  return attempt([&] {
    const auto& awaited = *static_cast<const Event*>(event);
    const auto stream = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(awaited.device));
    check(cudaStreamWaitEvent(stream.stream(), awaited.event, 0));
  });
}

int scene3d_cuda_event_synchronize(const void* event) {
  return attempt([&] { check(cudaEventSynchronize(static_cast<const Event*>(event)->event)); });
}

// Milliseconds between two timed events.
int scene3d_cuda_event_elapsed(const void* from, const void* to, float* milliseconds) {
  return attempt([&] {
    check(cudaEventElapsedTime(milliseconds, static_cast<const Event*>(from)->event, static_cast<const Event*>(to)->event));
  });
}

void* scene3d_cuda_graph_new() {
  return guarded<void*>(nullptr, [&] { return static_cast<void*>(new at::cuda::CUDAGraph()); });
}

void scene3d_cuda_graph_free(void* graph) {
  attempt([&] { delete static_cast<at::cuda::CUDAGraph*>(graph); });
}

// Other threads may go on using CUDA: only this thread's unsafe calls end a capture.
int scene3d_cuda_graph_begin(void* graph) {
  return attempt([&] {
    static_cast<at::cuda::CUDAGraph*>(graph)->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  });
}

int scene3d_cuda_graph_end(void* graph) {
  return attempt([&] { static_cast<at::cuda::CUDAGraph*>(graph)->capture_end(); });
}

int scene3d_cuda_graph_replay(void* graph) {
  return attempt([&] { static_cast<at::cuda::CUDAGraph*>(graph)->replay(); });
}
}
