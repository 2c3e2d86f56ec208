#include "dpi/guarded_octets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace spanflow {
namespace {

// A multiple of every page size of x86-64 and arm64.
static_assert(GuardedOctets::kMost % 65'536 == 0);

void check(bool works) {
  if (!works) throw RunError(std::string("no memory for a guarded packet: ") + std::strerror(errno));
}

}  // namespace

GuardedOctets::GuardedOctets() : mapped_(kMost + static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
  void* memory = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED);
  begin_ = static_cast<std::uint8_t*>(memory);
  check(::mprotect(begin_ + kMost, mapped_ - kMost, PROT_NONE) == 0);
}

GuardedOctets::~GuardedOctets() { ::munmap(begin_, mapped_); }

const std::uint8_t* GuardedOctets::copy(std::span<const std::uint8_t> octets) {
  std::uint8_t* begin = begin_ + kMost - octets.size();
  if (!octets.empty()) std::memcpy(begin, octets.data(), octets.size());
  return begin;
}

}  // namespace spanflow
