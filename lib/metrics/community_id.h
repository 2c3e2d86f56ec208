// Community ID, version 1: a flow id that Zeek, Suricata and other programs compute too
// (https://github.com/corelight/community-id-spec).
#pragma once

#include <cstdint>

#include "base/short_text.h"
#include "spanflow/record.h"

namespace spanflow {

// Returns a text such as "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", which is the same for both directions of a flow. An ICMP
// message type without a counterpart has only one direction. The source address of `key` must then be the address of
// the sender, as in the key of a flow.
ShortText community_id(const FlowKey& key, std::uint8_t icmp_type, std::uint8_t icmp_code, std::uint16_t seed);

}  // namespace spanflow
