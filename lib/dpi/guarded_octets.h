// A place for packets that ends where memory ends.
#pragma once

#include <cstdint>
#include <span>

namespace spanflow {

// Not thread-safe.
class GuardedOctets {
 public:
  static constexpr std::size_t kMost = 65'536;

  // Throws RunError if the system gives no memory.
  GuardedOctets();
  ~GuardedOctets();
  GuardedOctets(const GuardedOctets&) = delete;
  GuardedOctets& operator=(const GuardedOctets&) = delete;

  // Returns a copy of the octets, at most kMost, behind which is a page that nobody may read. The copy is valid until
  // the next call.
  const std::uint8_t* copy(std::span<const std::uint8_t> octets);

 private:
  std::uint8_t* begin_;
  std::size_t mapped_;
};

}  // namespace spanflow
