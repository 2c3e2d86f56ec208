// pcap-filter expressions, compiled and run by libpcap: input.filter, and the conditions of metrics.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "decode/decoder.h"
#include "decode/packet.h"

namespace spanflow {

// Returns the error in the expression, or an empty text if the expression is valid.
std::string filter_error(const std::string& expression);

// Immutable after construction, so any number of threads may share a Filter.
class Filter {
 public:
  // The filter is for frames of one link type. Throws RunError, which names `option`, if the expression is not valid
  // for that link type ("ether host" on raw IP).
  Filter(const std::string& expression, LinkType link_type, std::string_view option);
  ~Filter();
  Filter(Filter&&) noexcept;

  bool matches(const RawPacket& packet) const;

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

}  // namespace spanflow
