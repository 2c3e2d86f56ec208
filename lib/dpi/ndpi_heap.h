// Counts the memory that nDPI allocates.
#pragma once

#include <malloc.h>
#include <ndpi_api.h>

#include <cstdint>
#include <cstdlib>

namespace spanflow::ndpi {

// Octets that nDPI has allocated in this thread, minus those that it has freed in this thread. Only differences have a
// meaning, because the memory of a module may be freed by another thread.
inline thread_local std::int64_t heap_octets = 0;

inline void* counted_malloc(std::size_t size) {
  void* const memory = std::malloc(size);
  heap_octets += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

inline void counted_free(void* memory) {
  heap_octets -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

// From now on, nDPI allocates through the functions above, in the whole process. Must be called before the first module
// is made.
inline void count_heap() {
  set_ndpi_malloc(counted_malloc);
  set_ndpi_free(counted_free);
}

}  // namespace spanflow::ndpi
