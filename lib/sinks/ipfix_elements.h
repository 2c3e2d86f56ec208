// The IPFIX information elements for the fields of a record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spanflow {

enum class IpfixType : std::uint8_t { kUnsigned, kNtpTime, kAddress, kMac, kText };

struct IpfixElement {
  static constexpr std::uint16_t kVariable = 65'535;  // marks a variable length; RFC 7011, section 7
  static constexpr std::uint32_t kReverse = 29'305;   // enterprise number of reverse elements; RFC 5103, section 6.1

  std::string_view name;
  std::uint16_t id;
  std::uint16_t octets;  // length of a value; kVariable: variable length
  IpfixType type;
  std::uint32_t enterprise = 0;  // private enterprise number; 0: an element of IANA
};

// The element for a list of values that have one and the same element (RFC 6313, section 4.5.1).
inline constexpr IpfixElement kBasicList = {"basicList", 291, IpfixElement::kVariable, IpfixType::kText};

// Returns the element that Field::ipfix names, for flows of this IP version (4 or 6). Returns nullopt for an empty
// name. Throws std::logic_error if the table has no such element.
std::optional<IpfixElement> ipfix_element(std::string_view name, unsigned ip_version);

}  // namespace spanflow
