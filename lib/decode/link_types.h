// The link types of capture files, and their first headers.
//
// To add a link type, add an enumerator here, a row and a function in link_types.cc, and a case in
// tests/unit/decode/link_types_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "decode/step.h"

namespace spanflow {

// The value is the LINKTYPE_ number of the pcap formats. Several numbers may have the same first header.
enum class LinkType : std::uint16_t {
  kNull = 0,
  kEthernet = 1,
  kTokenRing = 6,
  kPpp = 9,
  kFddi = 10,
  kPppOverEthernet = 51,
  kLlc = 100,
  kRawIp = 101,
  kCiscoHdlc = 104,
  kIeee80211 = 105,
  kFrameRelay = 107,
  kLoop = 108,
  kEnc = 109,
  kLinuxCooked = 113,
  kPflog = 117,
  kPrism = 119,
  kIpOverFibreChannel = 122,
  kRadiotap = 127,
  kFirewire = 138,
  kAvs = 163,
  kPpi = 192,
  kPppWithDirection = 204,
  kIpnet = 226,
  kNflog = 239,
  kNetAnalyzer = 240,
  kNetAnalyzerTransparent = 241,
  kIpoib = 242,
  kPktap = 258,
  kMpacket = 274,
  kLinuxCooked2 = 276,
};

struct LinkTypeRow {
  int number;  // LINKTYPE_ number
  int dlt;     // number of libpcap's DLT_, for filters
  LinkType type;
  std::string_view name;
  Step (*header)(Cursor&);  // decodes the first header
};

// All link types that are read.
std::span<const LinkTypeRow> link_types();

// Returns the link type for a LINKTYPE_ or DLT_ number, or std::nullopt if it is not supported.
std::optional<LinkType> link_type_from_pcap(int number);

// Decodes the first header of a frame.
Step first_header(LinkType link_type, Cursor& cursor);

// Variants of the IEEE 802.11 header. kSwapped: the two octets of the frame control field are swapped. kPadded: the
// octets after the header begin at a multiple of 4.
enum class FrameControl : std::uint8_t { kPlain, kSwapped, kPadded };

Step ieee80211_header(Cursor& cursor, FrameControl variant = FrameControl::kPlain);

}  // namespace spanflow
