// Community ID, version 1: an id of a flow that Zeek, Suricata and others compute too
// (https://github.com/corelight/community-id-spec).
#pragma once

#include <cstdint>

#include "base/short_text.h"
#include "spanflow/record.h"

namespace spanflow {

// Text as "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", the same for both directions. An ICMP message type without a counterpart
// has only one direction: then `key` must have its sender as src, as the key of a flow does.
ShortText community_id(const FlowKey& key, std::uint8_t icmp_type, std::uint8_t icmp_code, std::uint16_t seed);

}  // namespace spanflow
