#include "sinks/ipfix_elements.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace spanflow {
namespace {

constexpr std::uint32_t kNtop = 35'632;  // ntop's enterprise number, for values without an IANA element

constexpr IpfixElement number(std::string_view name, std::uint16_t id, std::uint16_t octets) {
  return {name, id, octets, IpfixType::kUnsigned};
}
constexpr IpfixElement text(std::string_view name, std::uint16_t id, std::uint32_t enterprise = 0) {
  return {name, id, IpfixElement::kVariable, IpfixType::kText, enterprise};
}

// https://www.iana.org/assignments/ipfix
constexpr std::array kElements = {
    number("octetDeltaCount", 1, 8),
    number("packetDeltaCount", 2, 8),
    number("protocolIdentifier", 4, 1),
    number("tcpControlBits", 6, 2),
    number("sourceTransportPort", 7, 2),
    IpfixElement{"sourceIPv4Address", 8, 4, IpfixType::kAddress},
    number("destinationTransportPort", 11, 2),
    IpfixElement{"destinationIPv4Address", 12, 4, IpfixType::kAddress},
    IpfixElement{"sourceIPv6Address", 27, 16, IpfixType::kAddress},
    IpfixElement{"destinationIPv6Address", 28, 16, IpfixType::kAddress},
    number("minimumTTL", 52, 1),
    number("maximumTTL", 53, 1),
    IpfixElement{"sourceMacAddress", 56, 6, IpfixType::kMac},
    number("vlanId", 58, 2),
    number("ipVersion", 60, 1),
    IpfixElement{"destinationMacAddress", 80, 6, IpfixType::kMac},
    text("applicationName", 96),
    number("flowEndReason", 136, 1),
    number("flowId", 148, 8),
    number("flowStartMilliseconds", 152, 8),
    number("flowEndMilliseconds", 153, 8),
    IpfixElement{"flowStartNanoseconds", 156, 8, IpfixType::kNtpTime},
    IpfixElement{"flowEndNanoseconds", 157, 8, IpfixType::kNtpTime},
    number("icmpTypeIPv4", 176, 1),
    number("icmpCodeIPv4", 177, 1),
    number("icmpTypeIPv6", 178, 1),
    number("icmpCodeIPv6", 179, 1),
    number("ipDiffServCodePoint", 195, 1),
    number("biflowDirection", 239, 1),
    number("dot1qVlanId", 243, 2),
    text("observationDomainName", 300),
    number("layer2OctetDeltaCount", 352, 8),
    text("applicationCategoryName", 372),
    number("httpStatusCode", 457, 2),
    text("httpRequestMethod", 459),
    text("httpRequestHost", 460),
    text("httpUserAgent", 468),
    text("httpContentType", 469),
    text("TLS_SERVER_NAME", 188, kNtop),
};

// For IP version 6, changes "sourceIPv4Address" to "sourceIPv6Address".
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
