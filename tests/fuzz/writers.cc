// The writers: what they write of any record parses back to the record's values. The parsers here are independent of
// the writers: JSON by nlohmann, and CSV (RFC 4180), protocol buffers and IPFIX (RFC 7011) by small readers.
#include <arpa/inet.h>

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "octets.h"
#include "require.h"
#include "sinks/ipfix_messages.h"
#include "sinks/record_text.h"

namespace spanflow::fuzz {
namespace {

using Json = nlohmann::json;

// --- Records of any values ---

std::vector<const Field*> all_fields() {
  std::vector<const Field*> all;
  for (const Field& field : fields()) all.push_back(&field);
  return all;
}

// The type that the value of a key has, from the field that shows it.
const std::map<Metadata, FieldType>& metadata_types() {
  static const auto types = [] {
    std::map<Metadata, FieldType> found;
    for (unsigned number = 0; number <= static_cast<unsigned>(Metadata::kRiskScore); ++number) {
      const auto key = static_cast<Metadata>(number);
      for (const Field& field : fields()) {
        if (field.needs.has_any(metadata_bit(key))) found.emplace(key, field.type);
      }
    }
    return found;
  }();
  return types;
}

void read_metadata(Octets& input, FlowMetadata& metadata) {
  const unsigned items = input.u8() % 32;
  for (unsigned i = 0; i < items; ++i) {
    const auto& types = metadata_types();
    const auto& [key, type] = *std::next(types.begin(), static_cast<std::ptrdiff_t>(input.u8() % types.size()));
    if (type != FieldType::kTexts && metadata.find(key, 0) < metadata.octets.size()) continue;
    if (type == FieldType::kText || type == FieldType::kLabel || type == FieldType::kTexts) {
      // Around 255 octets, the length has another form in IPFIX. Few texts are longer, because the parsers are slow.
      const std::uint16_t number = input.u16();
      const std::size_t octets = number % (number % 16 == 0 ? 8193U : 300U);
      // Long texts come from a single octet, so that short inputs have them too.
      put(metadata.octets, key,
          octets < 64 ? std::string(input.text(octets)) : std::string(octets, static_cast<char>(input.u8())));
    } else {
      put(metadata.octets, key, input.u64());
    }
  }
  metadata.note_keys();
}

double real(Octets& input) { return static_cast<double>(input.u64() >> 8) / 1000; }

Distribution read_distribution(Octets& input) { return {real(input), real(input), real(input), real(input)}; }

SideStatistics read_statistics(Octets& input) {
  SideStatistics side{read_distribution(input), read_distribution(input), read_distribution(input), {}};
  for (std::uint64_t& packets : side.tcp_flag_pkts) packets = input.u16();
  return side;
}

template <typename Value>
std::optional<Value> maybe(Octets& input, Value value) {
  return input.u8() % 2 == 0 ? std::nullopt : std::optional(value);
}

TcpSideQuality read_quality(Octets& input) {
  return {input.u64(), input.u16(), input.u16(), input.u16(), maybe(input, input.u16()), maybe(input, input.u8())};
}

void read_extras(Octets& input, FlowExtras& extras) {
  const std::uint8_t has = input.u8();
  if ((has & 1) != 0) read_metadata(input, extras.metadata);
  extras.metadata.note_keys();
  extras.has_statistics = (has & 2) != 0;
  if (extras.has_statistics) {
    extras.statistics = {read_statistics(input), read_statistics(input), read_statistics(input)};
  }
  extras.early_packets_kept = (has & 4) != 0 ? input.u8() : 0;
  for (std::uint32_t i = 0, count = extras.early_packets_kept == 0 ? 0 : input.u8() % (extras.early_packets_kept + 1);
       i < count; ++i) {
    const std::uint64_t before = extras.early_packets.empty() ? 0 : extras.early_packets.back().time_ns;
    extras.early_packets.push_back({before + input.u32(), input.u32(), static_cast<Direction>(input.u8() % 2)});
  }
  extras.has_tcp_quality = (has & 8) != 0;
  if (!extras.has_tcp_quality) return;
  extras.tcp_quality = {maybe(input, input.u64()), maybe(input, input.u64()), maybe(input, input.u64()),
                        read_quality(input),       read_quality(input),       std::string(input.text(input.u8() % 32))};
}

void read_address(Octets& input, unsigned ip_version, IpAddress& address) {
  std::ranges::copy(input.take(ip_version == 4 ? 4 : 16), address.bytes.begin());
}

FlowSide read_side(Octets& input) {
  return {input.u64(), input.u64(), input.u64(), input.u64(), input.u64(), input.u64(),
          input.u32(), input.u8(),  input.u8(),  input.u8(),  input.u8()};
}

// The texts must outlive the record: they are in the input.
FlowRecord read_record(Octets& input, FlowExtras& extras) {
  FlowRecord record;
  record.ip_version = input.u8() % 2 == 0 ? 4 : 6;
  read_address(input, record.ip_version, record.ip_src);
  read_address(input, record.ip_version, record.ip_dst);
  record.src_port = input.u16();
  record.dst_port = input.u16();
  record.ip_protocol = input.u8();
  record.tunnel_type = static_cast<TunnelType>(input.u8() % kTunnelTypes);
  record.tunnel_key = input.u32();
  record.start_ns = input.u64();
  record.end_ns = input.u64();
  record.flow_id = input.u64();
  record.segment = input.u32();
  record.vlan_id = input.u16() % 4096;
  record.vlan_outer_id = input.u16() % 4096;
  std::ranges::copy(input.take(6), record.src_mac.begin());
  std::ranges::copy(input.take(6), record.dst_mac.begin());
  record.icmp_type = input.u8();
  record.icmp_code = input.u8();
  record.biflow_direction = static_cast<BiflowDirection>(input.u8() % 3);
  record.sampling_rate = input.u32();
  record.overload = input.u8() % 16;
  record.src_to_dst = read_side(input);
  record.dst_to_src = read_side(input);
  record.has_application = input.u8() % 2 != 0;
  record.application_confidence = input.u8();
  record.application_is_guessed = input.u8() % 2 != 0;
  record.end_reason = static_cast<EndReason>(input.u8() % 6);
  record.timestamp_source = static_cast<TimestampSource>(input.u8() % 4);
  record.worker = input.u16();
  record.sequence = input.u64();
  record.community_id_seed = input.u16();
  record.application_name = input.text(input.u8());
  record.category_name = input.text(input.u8());
  record.sensor_id = input.text(input.u8());
  read_extras(input, extras);
  record.extras = ExtrasView(extras);
  return record;
}

// --- The values as text formats show them ---

std::string hex_of(std::uint64_t bits) { return fmt::format("{:016x}", bits); }

std::string address_of(const AddressValue& value) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(value.ip_version == 4 ? AF_INET : AF_INET6, value.address->bytes.data(), text.data(), text.size());
  return text.data();
}

std::string mac_of(const MacValue& value) {
  std::string text;
  for (std::size_t i = 0; i < value.octets; ++i)
    text += fmt::format("{}{:02x}", i == 0 ? "" : ":", (*value.address)[i]);
  return text;
}

std::vector<std::int64_t> numbers_of(const EarlyPacketsValue& list) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < list.packets.size(); ++i) numbers.push_back(list.number(list.packets, i));
  return numbers;
}

std::vector<std::int64_t> padded(const EarlyPacketsValue& list) {
  std::vector<std::int64_t> numbers = numbers_of(list);
  numbers.resize(std::max(numbers.size(), list.padded_to), -1);
  return numbers;
}

std::vector<std::string> texts_of(const TextList& list) {
  std::vector<std::string> texts;
  list.for_each([&](std::string_view text) { texts.emplace_back(text); });
  return texts;
}

std::vector<std::string> cleaned(std::vector<std::string> texts) {
  for (std::string& text : texts) text = clean_utf8(text);
  return texts;
}

bool is_rounded(double written, double value) { return std::abs(written - value) <= 0.00051 + std::abs(value) * 1e-15; }

// The text of a value that is not a number or a list.
struct AsText {
  std::string operator()(std::string_view text) const { return clean_utf8(text); }
  std::string operator()(const LabelValue& label) const { return clean_utf8(label.text); }
  std::string operator()(const ShortText& text) const { return std::string(text.view()); }
  std::string operator()(const HexValue& hex) const { return hex_of(hex.bits); }
  std::string operator()(const AddressValue& address) const { return address_of(address); }
  std::string operator()(const MacValue& mac) const { return mac_of(mac); }
};

// --- JSON ---

struct InJson {
  const Json& json;
  bool operator()(std::monostate) const { return false; }
  bool operator()(std::uint64_t value) const { return json.is_number_unsigned() && json == value; }
  bool operator()(std::int64_t value) const { return json.is_number_integer() && json == value; }
  bool operator()(const RealValue& value) const { return json.is_number() && is_rounded(json, value.number); }
  bool operator()(const EarlyPacketsValue& list) const { return json == Json(padded(list)); }
  bool operator()(const TextList& list) const { return json == Json(cleaned(texts_of(list))); }
  template <typename Text>
  bool operator()(const Text& text) const {
    return json == Json(AsText{}(text));
  }
};

void check_json(const FlowRecord& record, std::span<const Field* const> selected) {
  TextBuffer text;
  append_json(TextWriter(text), record, selected).finish();
  const Json json = Json::parse(text.view());
  std::size_t members = 0;
  for (const Field* field : selected) {
    const FieldValue value = field->value(record);
    const auto member = json.find(field->name);
    if (member != json.end()) ++members;
    const bool is_missing = std::holds_alternative<std::monostate>(value);
    require(is_missing ? member == json.end() : member != json.end() && std::visit(InJson{*member}, value),
            field->name);
  }
  require(members == json.size(), "the object has no other members");
}

// --- CSV ---

// Reads the fields of one line, which ends with the text.
std::vector<std::string> csv_fields(std::string_view line) {
  require(line.ends_with('\n') && line.find('\n') == line.size() - 1, "a record is one line");
  std::vector<std::string> found(1);
  bool quoted = false;
  for (std::size_t at = 0; at + 1 < line.size(); ++at) {
    const char c = line[at];
    if (quoted && c == '"' && line[at + 1] == '"') {
      found.back() += c;
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      found.emplace_back();
    } else {
      found.back() += c;
    }
  }
  require(!quoted, "each quote is closed");
  return found;
}

template <typename Number>
bool is_number(const std::string& text, Number expected) {
  Number read{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), read);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && read == expected;
}

// Returns the elements of a list, which semicolons separate. A backslash comes before a semicolon or backslash of an
// element.
std::vector<std::string> csv_list(const std::string& text) {
  std::vector<std::string> elements(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ';') {
      elements.emplace_back();
    } else {
      if (text[at] == '\\') ++at;
      elements.back() += text.at(at);
    }
  }
  return elements;
}

struct InCsv {
  const std::string& text;
  bool operator()(std::monostate) const { return text.empty(); }
  bool operator()(std::uint64_t value) const { return is_number(text, value); }
  bool operator()(std::int64_t value) const { return is_number(text, value); }
  bool operator()(const RealValue& value) const { return is_rounded(std::stod(text), value.number); }
  bool operator()(const EarlyPacketsValue& list) const { return Json::parse(text) == Json(padded(list)); }
  bool operator()(const TextList& list) const { return csv_list(text) == cleaned(texts_of(list)); }
  template <typename Text>
  bool operator()(const Text& value) const {
    return text == AsText{}(value);
  }
};

void check_csv(const FlowRecord& record, std::span<const Field* const> selected) {
  TextBuffer text;
  append_csv(TextWriter(text), record, selected).finish();
  const auto columns = csv_fields(text.view());
  require(columns.size() == selected.size(), "a line has a column for each field");
  for (std::size_t i = 0; i < selected.size(); ++i) {
    require(std::visit(InCsv{columns[i]}, selected[i]->value(record)), selected[i]->name);
  }
}

// --- Protocol buffers ---

class Protobuf {
 public:
  explicit Protobuf(std::string_view message) : rest_(message) {
    while (!rest_.empty()) read_field();
  }

  // The values of a field in their order: numbers and doubles as 64 bits, or octets.
  std::vector<std::uint64_t> numbers(std::uint32_t field) const { return of(numbers_, field); }
  std::vector<std::string> octets(std::uint32_t field) const { return of(octets_, field); }
  std::size_t fields() const { return numbers_.size() + octets_.size(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      require(!rest_.empty() && shift < 70, "a varint ends");
      const auto octet = static_cast<std::uint8_t>(take(1)[0]);
      value |= std::uint64_t{octet & 0x7fU} << shift;
      if (octet < 0x80) return value;
    }
  }
  bool empty() const { return rest_.empty(); }

  // The numbers of a packed list.
  static std::vector<std::int64_t> packed(std::string_view list) {
    Protobuf reader;
    reader.rest_ = list;
    std::vector<std::int64_t> numbers;
    while (!reader.empty()) numbers.push_back(from_zigzag(reader.varint()));
    return numbers;
  }
  static std::int64_t from_zigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }

 private:
  Protobuf() = default;

  template <typename Value>
  static std::vector<Value> of(const std::map<std::uint32_t, std::vector<Value>>& all, std::uint32_t field) {
    const auto found = all.find(field);
    return found == all.end() ? std::vector<Value>() : found->second;
  }

  std::string_view take(std::size_t octets) {
    require(octets <= rest_.size(), "a value is within the message");
    const auto taken = rest_.substr(0, octets);
    rest_.remove_prefix(octets);
    return taken;
  }

  void read_field() {
    const std::uint64_t tag = varint();
    const auto field = static_cast<std::uint32_t>(tag >> 3);
    if ((tag & 7) == 0) {
      numbers_[field].push_back(varint());
    } else if ((tag & 7) == 1) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, take(8).data(), 8);
      numbers_[field].push_back(bits);
    } else {
      require((tag & 7) == 2, "the wire type is known");
      octets_[field].emplace_back(take(varint()));
    }
  }

  std::string_view rest_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> numbers_;
  std::map<std::uint32_t, std::vector<std::string>> octets_;
};

struct InProtobuf {
  const std::vector<std::uint64_t>& numbers;
  const std::vector<std::string>& octets;

  bool is(std::uint64_t bits) const { return octets.empty() && numbers == std::vector{bits}; }
  bool is(const std::string& text) const { return numbers.empty() && octets == std::vector{text}; }

  bool operator()(std::monostate) const { return numbers.empty() && octets.empty(); }
  bool operator()(std::uint64_t value) const { return is(value); }
  bool operator()(std::int64_t value) const {
    return octets.empty() && numbers.size() == 1 && Protobuf::from_zigzag(numbers[0]) == value;
  }
  bool operator()(const RealValue& value) const { return is(std::bit_cast<std::uint64_t>(value.number)); }
  bool operator()(const HexValue& value) const { return is(value.bits); }
  bool operator()(std::string_view text) const { return is(clean_utf8(text)); }
  bool operator()(const LabelValue& label) const { return is(clean_utf8(label.text)); }
  bool operator()(const ShortText& text) const { return is(std::string(text.view())); }
  bool operator()(const AddressValue& value) const {
    const auto* begin = reinterpret_cast<const char*>(value.address->bytes.data());
    return is(std::string(begin, value.ip_version == 4 ? 4 : 16));
  }
  bool operator()(const MacValue& value) const {
    return is(std::string(reinterpret_cast<const char*>(value.address->data()), value.octets));
  }
  bool operator()(const EarlyPacketsValue& list) const {
    return octets.size() == 1 && Protobuf::packed(octets[0]) == numbers_of(list);
  }
  bool operator()(const TextList& list) const { return octets == cleaned(texts_of(list)); }
};

void check_protobuf(const FlowRecord& record, std::span<const Field* const> selected) {
  std::vector<const Field*> numbered;
  std::ranges::copy_if(selected, std::back_inserter(numbered), [](const Field* field) { return field->number != 0; });
  TextBuffer text;
  append_protobuf(TextWriter(text), record, numbered).finish();
  const Protobuf message(text.view());
  std::size_t present = 0;
  for (const Field* field : numbered) {
    const auto numbers = message.numbers(field->number);
    const auto octets = message.octets(field->number);
    if (!numbers.empty() || !octets.empty()) ++present;
    require(std::visit(InProtobuf{numbers, octets}, field->value(record)), field->name);
  }
  require(present == message.fields(), "the message has no other fields");
}

// --- IPFIX ---

class Ipfix {
 public:
  explicit Ipfix(std::string_view octets) : rest_(octets) {}

  bool empty() const { return rest_.empty(); }
  std::string_view take(std::size_t octets) {
    require(octets <= rest_.size(), "a value is within the message");
    const auto taken = rest_.substr(0, octets);
    rest_.remove_prefix(octets);
    return taken;
  }
  std::uint64_t number(std::size_t octets) {
    std::uint64_t value = 0;
    for (const char c : take(octets)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  // A value whose length the template gives, or that begins with its length.
  std::string_view value(std::size_t octets) {
    if (octets != IpfixElement::kVariable) return take(octets);
    const std::uint64_t length = number(1);
    return take(length < 255 ? length : number(2));
  }

 private:
  std::string_view rest_;
};

// An element's id, enterprise and length, as a template has them.
struct Specifier {
  std::uint64_t id;
  std::uint64_t octets;
  std::uint64_t enterprise;
};

Specifier read_specifier(Ipfix& from) {
  Specifier read{.id = from.number(2), .octets = from.number(2), .enterprise = 0};
  if (read.id >= 0x8000) read.enterprise = from.number(4);
  read.id &= 0x7fff;
  return read;
}

using Templates = std::map<std::uint64_t, std::vector<Specifier>>;

// Reads a message header, and returns the octets after it.
Ipfix after_header(std::string_view message) {
  Ipfix from(message);
  require(from.number(2) == 10 && from.number(2) == message.size(), "the header has version and length");
  from.take(12);
  return from;
}

Templates read_templates(std::string_view message) {
  Ipfix from = after_header(message);
  require(from.number(2) == 2, "the set has templates");
  Ipfix set(from.take(from.number(2) - 4));
  Templates templates;
  while (!set.empty()) {
    auto& columns = templates[set.number(2)];
    for (std::uint64_t count = set.number(2); count > 0; --count) columns.push_back(read_specifier(set));
  }
  return templates;
}

std::uint64_t nanoseconds_of_ntp(std::uint64_t ntp) {
  if (ntp == 0) return 0;
  return ((ntp >> 32) - 2'208'988'800) * 1'000'000'000 + ((ntp & 0xffff'ffff) * 1'000'000'000 >> 32);
}

struct InIpfix {
  // A longer text, or list of texts, is cut, so that the record fits into a message.
  static constexpr std::size_t kLeastText = 4093;  // and perhaps a part of a UTF-8 character

  const IpfixElement& element;
  bool is_list;
  std::string_view octets;

  std::uint64_t number() const { return Ipfix(octets).number(octets.size()); }
  bool operator()(std::monostate) const {
    return is_list ? operator()(TextList{nullptr, {}}) : std::ranges::all_of(octets, [](char c) { return c == 0; });
  }
  bool operator()(std::uint64_t value) const {
    // The seconds of NTP have 32 bits.
    constexpr std::uint64_t kGreatestTime = ((1ULL << 32) - 2'208'988'801) * 1'000'000'000;
    if (element.type == IpfixType::kNtpTime) return value > kGreatestTime || nanoseconds_of_ntp(number()) == value;
    return number() == (octets.size() == 8 ? value : std::min<std::uint64_t>(value, (1ULL << 8 * octets.size()) - 1));
  }
  bool operator()(std::int64_t) const { return true; }
  bool operator()(const RealValue&) const { return true; }
  bool operator()(const HexValue& value) const { return number() == value.bits; }
  bool operator()(std::string_view text) const {
    const std::string clean = clean_utf8(text);
    return octets == clean || (octets.size() >= kLeastText && clean.starts_with(octets));
  }
  bool operator()(const LabelValue& label) const { return operator()(label.text); }
  bool operator()(const ShortText& text) const { return octets == text.view(); }
  bool operator()(const AddressValue& value) const {
    return std::memcmp(octets.data(), value.address->bytes.data(), octets.size()) == 0;
  }
  bool operator()(const MacValue& value) const {
    return std::memcmp(octets.data(), value.address->data(), octets.size()) == 0;
  }
  bool operator()(const EarlyPacketsValue&) const { return true; }
  // A list has its first texts.
  bool operator()(const TextList& list) const {
    Ipfix from(octets);
    require(from.number(1) == 4 && read_specifier(from).id == element.id, "the list has its semantic and element");
    std::size_t sum = 0;
    for (const std::string& text : cleaned(texts_of(list))) {
      if (from.empty()) return sum + text.size() > kLeastText;
      if (from.value(IpfixElement::kVariable) != text) return false;
      sum += text.size();
    }
    return from.empty();
  }
};

void check_ipfix(const FlowRecord& record, std::span<const Field* const> selected) {
  IpfixPacker packer(selected, 7, 1400);
  const Templates templates = read_templates(packer.definitions().octets);
  packer.add(record);
  const auto messages = packer.take();
  require(messages.size() == 1 && messages[0].data_records == 1, "the record is in one message");
  Ipfix from = after_header(messages[0].octets);
  const auto columns = templates.find(from.number(2));
  require(columns != templates.end(), "the template is defined");
  Ipfix set(from.take(from.number(2) - 4));
  require(from.empty(), "the message has one set");
  auto column = columns->second.begin();
  for (const Field* field : selected) {
    const auto element = ipfix_element(field->ipfix, record.ip_version);
    if (!element) continue;
    const std::uint64_t id = field->is_list ? kBasicList.id : element->id;
    require(column != columns->second.end() && column->id == id, "the template has the field's element");
    const std::string_view octets = set.value(column->octets);
    require(std::visit(InIpfix{*element, field->is_list, octets}, field->value(record)), field->name);
    ++column;
  }
  require(set.empty() && column == columns->second.end(), "the record has no other values");
}

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow::fuzz;
  static const std::vector<const spanflow::Field*> selected = all_fields();
  Octets input(data, size);
  spanflow::FlowExtras extras;
  const spanflow::FlowRecord record = read_record(input, extras);
  check_json(record, selected);
  check_csv(record, selected);
  check_protobuf(record, selected);
  check_ipfix(record, selected);
  return 0;
}
