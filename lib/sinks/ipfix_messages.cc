#include "sinks/ipfix_messages.h"

#include <utility>

namespace spanflow {
namespace {

constexpr std::uint16_t kVersion = 10;
constexpr std::size_t kMessageHeader = 16;  // octets
constexpr std::size_t kLengthAt = 2;        // offset of the length, in a message header and in a set header
constexpr std::size_t kExportTimeAt = 4;
constexpr std::size_t kSequenceAt = 8;
constexpr std::size_t kSetHeader = 4;         // octets
constexpr std::uint16_t kTemplateSet = 2;     // set id of a set of template records
constexpr std::uint16_t kIpv4Template = 256;  // the least template id that RFC 7011 allows
constexpr std::uint16_t kIpv6Template = 257;

void put(std::string& octets, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) octets[at + i] = static_cast<char>(value >> 8 * (size - 1 - i) & 0xff);
}
void append(std::string& octets, std::uint64_t value, std::size_t size) {
  octets.resize(octets.size() + size);
  put(octets, octets.size() - size, value, size);
}

std::string header(std::uint32_t observation_domain) {
  std::string octets;
  append(octets, kVersion, 2);
  octets.resize(kMessageHeader - 4);
  append(octets, observation_domain, 4);
  return octets;
}

void set_length(std::string& message) { put(message, kLengthAt, message.size(), 2); }

}  // namespace

IpfixTemplate::IpfixTemplate(std::uint16_t id, std::span<const Field* const> fields, unsigned ip_version) : id_(id) {
  for (const Field* field : fields) {
    const auto element = ipfix_element(field->ipfix, ip_version);
    if (element) columns_.push_back({field, *element});
  }
}

TextWriter IpfixTemplate::append_definition(TextWriter out) const {
  out = append_big_endian(out, id_, 2);
  out = append_big_endian(out, columns_.size(), 2);
  for (const IpfixColumn& column : columns_) {
    out = append_ipfix_specifier(out, column.field->is_list ? kBasicList : column.element);
  }
  return out;
}

TextWriter IpfixTemplate::append_record(TextWriter out, const FlowRecord& record) const {
  for (const IpfixColumn& column : columns_) out = column.field->ipfix_value(out, record, column.element);
  return out;
}

void IpfixMessage::stamp(std::uint32_t export_time_s, std::uint32_t sequence) {
  put(octets, kExportTimeAt, export_time_s, 4);
  put(octets, kSequenceAt, sequence, 4);
}

IpfixPacker::IpfixPacker(std::span<const Field* const> fields, std::uint32_t observation_domain,
                         std::size_t most_octets)
    : ipv4_(kIpv4Template, fields, 4),
      ipv6_(kIpv6Template, fields, 6),
      observation_domain_(observation_domain),
      most_octets_(most_octets) {}

void IpfixPacker::add(const FlowRecord& record) {
  const IpfixTemplate& of_version = record.ip_version == 6 ? ipv6_ : ipv4_;
  record_.clear();
  of_version.append_record(TextWriter(record_), record).finish();
  const std::size_t needed = (set_id_ == of_version.id() ? 0 : kSetHeader) + record_.size();
  if (!message_.empty() && message_.size() + needed > most_octets_) close_message();
  if (message_.empty()) message_ = header(observation_domain_);
  if (set_id_ != of_version.id()) open_set(of_version.id());
  message_.append(record_.view());
  ++data_records_;
}

std::deque<IpfixMessage> IpfixPacker::take() {
  if (!message_.empty()) close_message();
  return std::exchange(ready_, {});
}

IpfixMessage IpfixPacker::definitions() const {
  TextBuffer definitions;
  ipv6_.append_definition(ipv4_.append_definition(TextWriter(definitions))).finish();
  std::string message = header(observation_domain_);
  append(message, kTemplateSet, 2);
  append(message, kSetHeader + definitions.size(), 2);
  message.append(definitions.view());
  set_length(message);
  return {.octets = std::move(message), .data_records = 0};
}

void IpfixPacker::open_set(std::uint16_t id) {
  close_set();
  set_at_ = message_.size();
  set_id_ = id;
  append(message_, id, 2);
  append(message_, 0, 2);
}

void IpfixPacker::close_set() {
  if (set_id_ != 0) put(message_, set_at_ + kLengthAt, message_.size() - set_at_, 2);
  set_id_ = 0;
}

void IpfixPacker::close_message() {
  close_set();
  set_length(message_);
  ready_.push_back({.octets = std::exchange(message_, {}), .data_records = std::exchange(data_records_, 0)});
}

}  // namespace spanflow
