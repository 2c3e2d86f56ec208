#include "inspect/hpack.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

// RFC 7541, appendix A. The first field has the index 1.
constexpr std::array kStaticTable = {
    HpackField{":authority", ""},
    HpackField{":method", "GET"},
    HpackField{":method", "POST"},
    HpackField{":path", "/"},
    HpackField{":path", "/index.html"},
    HpackField{":scheme", "http"},
    HpackField{":scheme", "https"},
    HpackField{":status", "200"},
    HpackField{":status", "204"},
    HpackField{":status", "206"},
    HpackField{":status", "304"},
    HpackField{":status", "400"},
    HpackField{":status", "404"},
    HpackField{":status", "500"},
    HpackField{"accept-charset", ""},
    HpackField{"accept-encoding", "gzip, deflate"},
    HpackField{"accept-language", ""},
    HpackField{"accept-ranges", ""},
    HpackField{"accept", ""},
    HpackField{"access-control-allow-origin", ""},
    HpackField{"age", ""},
    HpackField{"allow", ""},
    HpackField{"authorization", ""},
    HpackField{"cache-control", ""},
    HpackField{"content-disposition", ""},
    HpackField{"content-encoding", ""},
    HpackField{"content-language", ""},
    HpackField{"content-length", ""},
    HpackField{"content-location", ""},
    HpackField{"content-range", ""},
    HpackField{"content-type", ""},
    HpackField{"cookie", ""},
    HpackField{"date", ""},
    HpackField{"etag", ""},
    HpackField{"expect", ""},
    HpackField{"expires", ""},
    HpackField{"from", ""},
    HpackField{"host", ""},
    HpackField{"if-match", ""},
    HpackField{"if-modified-since", ""},
    HpackField{"if-none-match", ""},
    HpackField{"if-range", ""},
    HpackField{"if-unmodified-since", ""},
    HpackField{"last-modified", ""},
    HpackField{"link", ""},
    HpackField{"location", ""},
    HpackField{"max-forwards", ""},
    HpackField{"proxy-authenticate", ""},
    HpackField{"proxy-authorization", ""},
    HpackField{"range", ""},
    HpackField{"referer", ""},
    HpackField{"refresh", ""},
    HpackField{"retry-after", ""},
    HpackField{"server", ""},
    HpackField{"set-cookie", ""},
    HpackField{"strict-transport-security", ""},
    HpackField{"transfer-encoding", ""},
    HpackField{"user-agent", ""},
    HpackField{"vary", ""},
    HpackField{"via", ""},
    HpackField{"www-authenticate", ""},
};

// The Huffman code of RFC 7541, appendix B, is canonical: the codes of one length are consecutive numbers, and follow
// those of the shorter lengths. So the code is given by the number of codes of each length, and the symbols in the
// order of their codes.
constexpr std::array<std::uint8_t, 31> kCodesOfLength = {
    0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
};
constexpr std::array<std::uint16_t, 257> kSymbols = {
    48,  49,  50,  97,  99,  101, 105, 111, 115, 116, 32,  37,  45,  46,  47,  51,  52,  53,  54,  55,  56,  57,
    61,  65,  95,  98,  100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58,  66,  67,  68,  69,  70,  71,  72,
    73,  74,  75,  76,  77,  78,  79,  80,  81,  82,  83,  84,  85,  86,  87,  89,  106, 107, 113, 118, 119, 120,
    121, 122, 38,  42,  44,  59,  88,  90,  33,  34,  40,  41,  63,  39,  43,  124, 35,  62,  0,   36,  64,  91,
    93,  126, 94,  125, 60,  96,  123, 92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172,
    176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170,
    173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147,
    149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,   142,
    144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213,
    218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250,
    251, 252, 253, 254, 2,   3,   4,   5,   6,   7,   8,   11,  12,  14,  15,  16,  17,  18,  19,  20,  21,  23,
    24,  25,  26,  27,  28,  29,  30,  31,  127, 220, 249, 10,  13,  22,  256,
};

// Replaces the content of `text` by the decoded octets. Returns false if the code is wrong. The padding at the end is
// not checked.
bool decode_huffman(const Cursor& octets, std::string& text) {
  constexpr std::uint16_t kEnd = 256;  // never in a valid text
  text.clear();
  std::uint32_t code = 0;    // the bits of the current symbol
  std::uint32_t first = 0;   // the first code of this length
  std::uint32_t symbol = 0;  // index in kSymbols of the symbol with the code `first`
  std::size_t length = 0;
  for (std::size_t bit = 0; bit < std::size_t{8} * octets.captured(); ++bit) {
    code = code << 1 | (octets.u8(bit / 8) >> (7 - bit % 8) & 1U);
    first = (first + kCodesOfLength[length]) << 1;
    symbol += kCodesOfLength[length];
    if (++length == kCodesOfLength.size()) return false;
    if (code - first >= kCodesOfLength[length]) continue;
    const std::uint16_t decoded = kSymbols[symbol + code - first];
    if (decoded == kEnd) return false;
    text.push_back(static_cast<char>(decoded));
    code = first = symbol = 0;
    length = 0;
  }
  return true;
}

}  // namespace

// RFC 7541, section 6. A field with a literal name has the index 0.
std::optional<HpackField> HpackReader::next() {
  while (rest_.has(1)) {
    const std::uint8_t first = rest_.u8(0);
    if ((first & 0xe0) == 0x20) {  // a new size of the dynamic table
      if (!take_number(5)) return std::nullopt;
      continue;
    }
    const bool is_indexed = (first & 0x80) != 0;
    const auto index = take_number(is_indexed ? 7 : (first & 0xc0) == 0x40 ? 6 : 4);
    if (!index || *index > kStaticTable.size() || (is_indexed && *index == 0)) return std::nullopt;
    if (is_indexed) return kStaticTable[*index - 1];
    const auto name = *index == 0 ? take_text(name_) : kStaticTable[*index - 1].name;
    const auto value = name ? take_text(value_) : std::nullopt;
    return value ? std::optional(HpackField{*name, *value}) : std::nullopt;
  }
  return std::nullopt;
}

// RFC 7541, section 5.1.
std::optional<std::uint64_t> HpackReader::take_number(unsigned prefix_bits) {
  constexpr unsigned kMostShift = 28;
  const std::uint64_t greatest = (1U << prefix_bits) - 1;
  const auto prefix = take_u8(rest_);
  if (!prefix) return std::nullopt;
  std::uint64_t number = *prefix & greatest;
  if (number < greatest) return number;
  for (unsigned shift = 0; shift <= kMostShift; shift += 7) {
    const auto digit = take_u8(rest_);
    if (!digit) return std::nullopt;
    number += static_cast<std::uint64_t>(*digit & 0x7f) << shift;
    if ((*digit & 0x80) == 0) return number;
  }
  return std::nullopt;
}

// RFC 7541, section 5.2.
std::optional<std::string_view> HpackReader::take_text(std::string& decoded) {
  const bool has_code = rest_.has(1) && (rest_.u8(0) & 0x80) != 0;
  const auto length = take_number(7);
  const auto octets = length && *length <= rest_.captured() ? take(rest_, *length) : std::nullopt;
  if (!octets) return std::nullopt;
  if (!has_code) return text_of(*octets);
  return decode_huffman(*octets, decoded) ? std::optional<std::string_view>(decoded) : std::nullopt;
}

}  // namespace spanflow
