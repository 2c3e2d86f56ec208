#include "sinks/ipfix_elements.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace spanflow {
namespace {

constexpr std::uint32_t kNtop = 35'632;  // ntop's enterprise number, for a value without an IANA element

constexpr IpfixElement numeric(std::string_view name, std::uint16_t id, std::uint16_t octets) {
  return {name, id, octets, IpfixType::kUnsigned};
}
constexpr IpfixElement text(std::string_view name, std::uint16_t id, std::uint32_t enterprise = 0) {
  return {name, id, IpfixElement::kVariable, IpfixType::kText, enterprise};
}

// The elements that fields use. Registry of names, ids and types: https://www.iana.org/assignments/ipfix
constexpr std::array kElements = {
    numeric("octetDeltaCount", 1, 8),
    numeric("packetDeltaCount", 2, 8),
    numeric("protocolIdentifier", 4, 1),
    numeric("tcpControlBits", 6, 2),
    numeric("sourceTransportPort", 7, 2),
    IpfixElement{"sourceIPv4Address", 8, 4, IpfixType::kAddress},
    numeric("destinationTransportPort", 11, 2),
    IpfixElement{"destinationIPv4Address", 12, 4, IpfixType::kAddress},
    IpfixElement{"sourceIPv6Address", 27, 16, IpfixType::kAddress},
    IpfixElement{"destinationIPv6Address", 28, 16, IpfixType::kAddress},
    numeric("minimumTTL", 52, 1),
    numeric("maximumTTL", 53, 1),
    IpfixElement{"sourceMacAddress", 56, 6, IpfixType::kMac},
    numeric("vlanId", 58, 2),
    numeric("ipVersion", 60, 1),
    IpfixElement{"destinationMacAddress", 80, 6, IpfixType::kMac},
    text("applicationName", 96),
    numeric("flowEndReason", 136, 1),
    numeric("flowId", 148, 8),
    numeric("flowStartMilliseconds", 152, 8),
    numeric("flowEndMilliseconds", 153, 8),
    IpfixElement{"flowStartNanoseconds", 156, 8, IpfixType::kNtpTime},
    IpfixElement{"flowEndNanoseconds", 157, 8, IpfixType::kNtpTime},
    numeric("icmpTypeIPv4", 176, 1),
    numeric("icmpCodeIPv4", 177, 1),
    numeric("icmpTypeIPv6", 178, 1),
    numeric("icmpCodeIPv6", 179, 1),
    numeric("ipDiffServCodePoint", 195, 1),
    numeric("biflowDirection", 239, 1),
    numeric("dot1qVlanId", 243, 2),
    text("observationDomainName", 300),
    numeric("layer2OctetDeltaCount", 352, 8),
    text("applicationCategoryName", 372),
    numeric("httpStatusCode", 457, 2),
    text("httpRequestMethod", 459),
    text("httpRequestHost", 460),
    text("httpUserAgent", 468),
    text("httpContentType", 469),
    text("TLS_SERVER_NAME", 188, kNtop),
    text("DNS_QUERY", 205, kNtop),
    IpfixElement{"DNS_QUERY_TYPE", 207, 2, IpfixType::kUnsigned, kNtop},
    IpfixElement{"DNS_RET_CODE", 208, 1, IpfixType::kUnsigned, kNtop},
    IpfixElement{"DNS_TTL_ANSWER", 352, 4, IpfixType::kUnsigned, kNtop},
    text("DNS_RESPONSE", 398, kNtop),
};

// For IP version 6, replaces "IPv4" by "IPv6": "sourceIPv4Address" becomes "sourceIPv6Address".
std::string for_ip_version(std::string_view name, unsigned ip_version) {
  std::string changed(name);
  const std::size_t at = changed.find("IPv4");
  if (ip_version == 6 && at != std::string::npos) changed[at + 3] = '6';
  return changed;
}

}  // namespace

std::optional<IpfixElement> ipfix_element(std::string_view name, unsigned ip_version) {
  constexpr std::string_view kPrefix = "reverse";
  if (name.empty()) return std::nullopt;
  std::string wanted = for_ip_version(name, ip_version);
  const bool reverse = wanted.starts_with(kPrefix);
  if (reverse) {
    wanted.erase(0, kPrefix.size());
    wanted[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(wanted[0])));
  }
  const auto* const found = std::ranges::find(kElements, wanted, &IpfixElement::name);
  if (found == kElements.end()) throw std::logic_error("no IPFIX element " + wanted);
  IpfixElement element = *found;
  if (reverse) element.enterprise = IpfixElement::kReverse;
  return element;
}

}  // namespace spanflow
