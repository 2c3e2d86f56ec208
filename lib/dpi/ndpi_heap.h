// The memory that nDPI allocates.
#pragma once

#include <malloc.h>
#include <ndpi_api.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/allocation.h"

#define SPANFLOW_NDPI_AT_LEAST(major, minor) (NDPI_MAJOR > (major) || (NDPI_MAJOR == (major) && NDPI_MINOR >= (minor)))

namespace spanflow::ndpi {

// Octets that nDPI has allocated in this thread, minus those that it has freed in this thread. Only differences have a
// meaning, because the memory of a module may be freed by another thread.
inline thread_local std::int64_t heap_octets = 0;

inline void* counted_malloc(std::size_t size) {
  void* const memory = allocate(size);
  heap_octets += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

inline void* counted_calloc(std::size_t count, std::size_t size) {
  void* const memory = counted_malloc(count * size);
  return memory == nullptr ? nullptr : std::memset(memory, 0, count * size);
}

inline void counted_free(void* memory) {
  heap_octets -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

// From now on, nDPI allocates through the functions above, in the whole process. They do not fail in a program with a
// new handler, because nDPI 4.2 does not check every allocation. Must be called before all other functions of nDPI.
inline void set_allocator() {
#if SPANFLOW_NDPI_AT_LEAST(5, 0)
  ndpi_set_memory_alloction_functions(counted_malloc, counted_free, counted_calloc, std::realloc, nullptr, nullptr,
                                      counted_malloc, counted_free);
#else
  set_ndpi_malloc(counted_malloc);
  set_ndpi_free(counted_free);
  set_ndpi_flow_malloc(counted_malloc);
  set_ndpi_flow_free(counted_free);
#endif
}

}  // namespace spanflow::ndpi
