// The `when` of metrics: pcap-filter expressions on the captured frame.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "capture/filter.h"

namespace spanflow {

// The number of bits of Packet::conditions.
inline constexpr std::size_t kMostConditions = 64;

// One per worker; not thread-safe. Each expression is compiled once for each link type.
class Conditions {
 public:
  // At most kMostConditions expressions, which must outlive this.
  explicit Conditions(const std::vector<std::string>& expressions) : expressions_(expressions) {}

  // One bit for each expression that the frame matches, in their order. Throws RunError if one is not valid for this
  // link type.
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
  const std::vector<Filter>* filters_ = nullptr;  // for link_type_
  LinkType link_type_ = LinkType::kEthernet;
};

}  // namespace spanflow
