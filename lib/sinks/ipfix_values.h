// Writes values in the encoding of IPFIX (RFC 7011, section 6). Numbers are in network byte order. A text follows its
// length.
#pragma once

#include <optional>
#include <string_view>

#include "base/text_buffer.h"
#include "sinks/ipfix_elements.h"
#include "sinks/value.h"

namespace spanflow {

// Appends the low `octets` octets of the number, in network byte order.
TextWriter append_big_endian(TextWriter out, std::uint64_t value, std::size_t octets);

// A number that is too large for the element is written as the greatest number that fits.
TextWriter append_ipfix(TextWriter out, std::uint64_t value, const IpfixElement& element);
TextWriter append_ipfix(TextWriter out, std::string_view text, const IpfixElement& element);
TextWriter append_ipfix(TextWriter out, AddressValue value, const IpfixElement& element);
TextWriter append_ipfix(TextWriter out, MacValue value, const IpfixElement& element);
inline TextWriter append_ipfix(TextWriter out, HexValue value, const IpfixElement& element) {
  return append_ipfix(out, value.bits, element);
}

// Appends a basicList (RFC 6313, section 4.5.1) whose values have this element.
TextWriter append_ipfix(TextWriter out, const TextList& list, const IpfixElement& element);

// Appends an element's id and length, as a template and a list have them.
TextWriter append_ipfix_specifier(TextWriter out, const IpfixElement& element);

// Writes a missing value as 0 or as an empty text, because a data record must have every element of its template.
TextWriter append_ipfix_missing(TextWriter out, const IpfixElement& element);
template <typename Value>
auto append_ipfix(TextWriter out, const std::optional<Value>& value, const IpfixElement& element)
    -> decltype(append_ipfix(out, *value, element)) {
  return value ? append_ipfix(out, *value, element) : append_ipfix_missing(out, element);
}

// True for the types of values that append_ipfix() can write. Lists of numbers and decimal numbers, for example, are
// not exported.
template <typename Value>
concept IpfixEncodable = requires(TextWriter out, const Value& value, const IpfixElement& element) {
  append_ipfix(out, value, element);
};

}  // namespace spanflow
