// Reads a block of HTTP/2 header fields in the encoding of HPACK (RFC 7541).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "decode/cursor.h"

namespace spanflow {

struct HpackField {
  std::string_view name;
  std::string_view value;
};

// Iterates over the fields of the first block of a connection. Such a block can only refer to the static table, and to
// fields of its own. Fields that refer to an earlier field of the block end the iteration.
class HpackReader {
 public:
  // `name` and `value` are where texts with a Huffman code are decoded; their memory is used again.
  HpackReader(const Cursor& block, std::string& name, std::string& value) : rest_(block), name_(name), value_(value) {}

  // Returns the next field, which is valid until the next call. Returns nullopt at the end of the block, and if the
  // rest cannot be read.
  std::optional<HpackField> next();

 private:
  std::optional<std::uint64_t> take_number(unsigned prefix_bits);
  std::optional<std::string_view> take_text(std::string& decoded);

  Cursor rest_;
  std::string& name_;
  std::string& value_;
};

}  // namespace spanflow
