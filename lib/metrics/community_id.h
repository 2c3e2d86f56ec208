// Community ID, version 1: the name of a flow that Zeek, Suricata and others give it too
// (https://github.com/corelight/community-id-spec).
#pragma once

#include <cstdint>

#include "base/short_text.h"
#include "spanflow/record.h"

namespace spanflow {

// "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", the same for both directions. An ICMP message without a counterpart has one
// direction only: then `key` must be that of its sender, as a flow's key is that of its first packet.
ShortText community_id(const FlowKey& key, std::uint8_t icmp_type, std::uint8_t icmp_code, std::uint16_t seed);

}  // namespace spanflow
