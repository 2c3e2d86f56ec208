// Memory for libraries in C, with the new handler of C++.
#pragma once

#include <cstdlib>
#include <new>

namespace spanflow {

// As malloc(). Like operator new, calls the new handler of the program, if there is one, and tries again when no memory
// is left.
inline void* allocate(std::size_t size) {
  for (;;) {
    void* const memory = std::malloc(size);
    const std::new_handler handler = std::get_new_handler();
    if (memory != nullptr || size == 0 || handler == nullptr) return memory;
    handler();
  }
}

}  // namespace spanflow
