// Values in the encoding of IPFIX (RFC 7011, section 6): numbers in network byte order, texts behind their length.
#pragma once

#include <optional>
#include <string_view>

#include "base/text_buffer.h"
#include "sinks/ipfix_elements.h"
#include "sinks/value.h"

namespace spanflow {

// The last `octets` of the number.
TextWriter append_big_endian(TextWriter out, std::uint64_t value, std::size_t octets);

// What is too great for the element becomes its greatest.
TextWriter append_ipfix(TextWriter out, std::uint64_t value, const IpfixElement& element);
TextWriter append_ipfix(TextWriter out, std::string_view text, const IpfixElement& element);
TextWriter append_ipfix(TextWriter out, AddressValue value, const IpfixElement& element);
TextWriter append_ipfix(TextWriter out, MacValue value, const IpfixElement& element);
inline TextWriter append_ipfix(TextWriter out, HexValue value, const IpfixElement& element) {
  return append_ipfix(out, value.bits, element);
}

// A template says that the element is there: one that is missing is 0, or an empty text.
TextWriter append_ipfix_missing(TextWriter out, const IpfixElement& element);
template <typename Value>
auto append_ipfix(TextWriter out, const std::optional<Value>& value, const IpfixElement& element)
    -> decltype(append_ipfix(out, *value, element)) {
  return value ? append_ipfix(out, *value, element) : append_ipfix_missing(out, element);
}

// Lists, decimals and the like have no element.
template <typename Value>
concept IpfixEncodable = requires(TextWriter out, const Value& value, const IpfixElement& element) {
  append_ipfix(out, value, element);
};

}  // namespace spanflow
