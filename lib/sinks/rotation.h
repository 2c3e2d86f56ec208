// Decides when a file ends and the next file begins.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/units.h"
#include "sinks/file_name.h"

namespace spanflow {

// One object serves all files of a sink, one after another. If the wall clock is set back, a file ends too early and
// never too late.
class Rotation {
 public:
  Rotation(Nanoseconds every, std::uint64_t octets) : every_(every), most_octets_(octets) {}

  void begin(WallTime now) {
    period_ = period_of(now);
    octets_ = 0;
  }
  bool is_out_of_time(WallTime now) const { return period_of(now) != period_; }

  // Returns the first of these lines, as many as fit into the file. Returns an empty text if the file is full. A line
  // that is longer than the limit goes directly after the header, into a file of its own. `header` is the size of the
  // header in octets.
  std::string_view fitting(std::string_view lines, std::size_t header) const {
    if (most_octets_ == 0 || octets_ + lines.size() <= most_octets_) return lines;
    const std::uint64_t room = most_octets_ > octets_ ? most_octets_ - octets_ : 0;
    if (const auto last = lines.substr(0, room).rfind('\n'); last != std::string_view::npos) {
      return lines.substr(0, last + 1);
    }
    return octets_ <= header ? lines.substr(0, lines.find('\n') + 1) : std::string_view{};
  }
  void add(std::size_t octets) { octets_ += octets; }
  std::uint64_t octets() const { return octets_; }

 private:
  // Returns the number of the period. Periods begin at multiples of their length: a period of one hour begins at the
  // full hour.
  std::int64_t period_of(WallTime time) const {
    return every_.count() == 0 ? 0 : Nanoseconds(time.time_since_epoch()) / every_;
  }

  const Nanoseconds every_;          // length of a period; 0: no rotation by time
  const std::uint64_t most_octets_;  // limit of octets_; 0: no limit
  std::int64_t period_ = 0;          // number of the period in which the file began
  std::uint64_t octets_ = 0;         // octets of text in the file, before compression
};

}  // namespace spanflow
