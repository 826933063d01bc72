// The bridge that tch lacks: DLPack in both directions, over ATen/DLConvertor.h, and which operations ran. No exception
// leaves a function.
#include <ATen/DLConvertor.h>
#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {
thread_local char last_error[512];

void remember(const char* what) {
  std::strncpy(last_error, what, sizeof last_error - 1);
  last_error[sizeof last_error - 1] = '\0';
}

// Operations that do something themselves, by name: not those in `silent`, nor those that call one that does.
struct Recording {
  at::CallbackHandle handle;
  std::set<std::string> silent;
  std::map<std::string, int> counts;
  std::vector<bool> has_counted;  // of the operations under way, whether one within them was counted
  std::string text;
};
thread_local Recording* recording = nullptr;

std::unique_ptr<at::ObserverContext> begin_operation(const at::RecordFunction&) {
  recording->has_counted.push_back(false);
  return nullptr;
}

void end_operation(const at::RecordFunction& operation, at::ObserverContext*) {
  bool counts = recording->has_counted.back();
  recording->has_counted.pop_back();
  if (!counts && recording->silent.count(operation.name()) == 0) {
    ++recording->counts[operation.name()];
    counts = true;
  }
  if (counts && !recording->has_counted.empty()) recording->has_counted.back() = true;
}
}  // namespace

extern "C" {

// Notes this thread's operations until the recording is freed, which this thread does; null if one is under way. `silent`
// are names, each on a line.
void* scene3d_torch_record(const char* silent) {
  if (recording != nullptr) {
    remember("this thread's operations are recorded already");
    return nullptr;
  }
  try {
    auto made = std::make_unique<Recording>();
    std::istringstream names(silent);
    for (std::string name; std::getline(names, name);) made->silent.insert(name);
    auto callback = at::RecordFunctionCallback(begin_operation, end_operation).scopes({at::RecordScope::FUNCTION});
    recording = made.get();
    made->handle = at::addThreadLocalCallback(callback);
    return made.release();
  } catch (const std::exception& error) {
    remember(error.what());
  } catch (...) {
    remember("unknown C++ exception");
  }
  recording = nullptr;
  return nullptr;
}

// Lines `count name`, valid until the recording is freed.
const char* scene3d_torch_recorded(void* handle) {
  auto& of_thread = *static_cast<Recording*>(handle);
  of_thread.text.clear();
  for (const auto& [name, count] : of_thread.counts) of_thread.text += std::to_string(count) + " " + name + "\n";
  return of_thread.text.c_str();
}

void scene3d_torch_record_free(void* handle) {
  auto* of_thread = static_cast<Recording*>(handle);
  at::removeCallback(of_thread->handle);
  recording = nullptr;
  delete of_thread;
}

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
