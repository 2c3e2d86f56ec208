// The `when` conditions of metrics: pcap-filter expressions, applied to the captured frame.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "capture/filter.h"

namespace spanflow {

// The number of bits in Packet::conditions.
inline constexpr std::size_t kMostConditions = 64;

// One object per worker; not thread-safe. Each expression is compiled once for each link type.
class Conditions {
 public:
  // `expressions` has at most kMostConditions elements, and must outlive this object.
  explicit Conditions(const std::vector<std::string>& expressions) : expressions_(expressions) {}

  // Returns one bit for each expression; the lowest bit is for the first expression. A bit is 1 if the frame matches.
  // Throws RunError if an expression is not valid for this link type.
  std::uint64_t matches(const RawPacket& raw, LinkType link_type) {
    if (filters_ == nullptr || link_type != link_type_) [[unlikely]]
      use(link_type);
    std::uint64_t bits = 0;
    std::uint64_t bit = 1;
    for (const Filter& filter : *filters_) {
      if (filter.matches(raw)) bits |= bit;
      bit <<= 1;
    }
    return bits;
  }
  bool empty() const { return expressions_.empty(); }

 private:
  void use(LinkType link_type);

  const std::vector<std::string>& expressions_;
  std::map<LinkType, std::vector<Filter>> compiled_;
  const std::vector<Filter>* filters_ = nullptr;  // the filters for link_type_
  LinkType link_type_ = LinkType::kEthernet;
};

}  // namespace spanflow
