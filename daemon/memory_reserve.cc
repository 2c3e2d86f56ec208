#include "memory_reserve.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <new>
#include <string_view>

namespace spanflow {
namespace {

// Parts, because several threads may need memory at the same time: mimalloc takes 32 MiB for each thread. Untouched
// pages take address space but no memory.
constexpr std::size_t kPartOctets = std::size_t{32} << 20;
constexpr std::size_t kParts = 8;

std::array<std::atomic<void*>, kParts> parts;
std::atomic<bool> ran_out{false};

// Exceptions would be of no use: an allocation may be in any thread, at any point.
[[noreturn]] void end_at_once() {
  constexpr std::string_view kLine =
      "spanflowd: error: no memory is left: the run ends without writing its last records\n";
  (void)!::write(STDERR_FILENO, kLine.data(), kLine.size());
  ::_exit(1);
}

void take_from_reserve() {
  ran_out = true;
  for (std::atomic<void*>& part : parts) {
    if (void* const memory = part.exchange(nullptr)) {
      ::munmap(memory, kPartOctets);
      return;
    }
  }
  end_at_once();
}

}  // namespace

void hold_memory_reserve() {
  for (std::atomic<void*>& part : parts) {
    void* const memory = ::mmap(nullptr, kPartOctets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    part = memory == MAP_FAILED ? nullptr : memory;
  }
  std::set_new_handler(take_from_reserve);
}

bool memory_ran_out() { return ran_out; }

}  // namespace spanflow
