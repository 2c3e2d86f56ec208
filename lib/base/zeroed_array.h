// An array of fixed size that starts zeroed. Pages that were never written cost no memory.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace spanflow {

// All-zero memory must be a valid T. Elements do not move. The constructor throws RunError if there is no memory.
template <typename T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit ZeroedArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    void* memory = mmap(nullptr, octets(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw RunError(std::to_string(octets() >> 20) + " MiB of memory cannot be allocated");
    madvise(memory, octets(), MADV_HUGEPAGE);  // reduces TLB misses; a failure is harmless
    data_ = static_cast<T*>(memory);
  }
  ~ZeroedArray() {
    if (data_ != nullptr) munmap(data_, octets());
  }
  ZeroedArray(const ZeroedArray&) = delete;
  ZeroedArray& operator=(const ZeroedArray&) = delete;

  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }
  std::size_t size() const { return size_; }

 private:
  std::size_t octets() const { return size_ * sizeof(T); }

  std::size_t size_;
  T* data_ = nullptr;
};

}  // namespace spanflow
