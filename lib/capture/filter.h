// pcap-filter expressions, compiled and run by libpcap: input.filter, and the conditions of metrics.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "decode/decoder.h"
#include "decode/packet.h"

namespace spanflow {

// Returns libpcap's error text, or an empty text if the expression is valid for Ethernet frames.
std::string filter_error(const std::string& expression);

// Immutable after construction, so any number of threads may share a Filter.
class Filter {
 public:
  // Makes a filter for frames of one link type. If the expression is invalid for this link type (for example "ether
  // host" on raw IP), throws RunError with the name of `option`.
  Filter(const std::string& expression, LinkType link_type, std::string_view option);
  ~Filter();
  Filter(Filter&&) noexcept;

  bool matches(const RawPacket& packet) const;

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

}  // namespace spanflow
