#include "inspect/dns.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "inspect/dns_names.h"
#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::size_t kDnsHeader = 12;  // octets
constexpr int kMostAnswers = 32;        // in the metadata of a flow

struct DnsMessage {
  std::uint16_t id;
  std::uint16_t flags;
  std::uint16_t questions;
  std::uint16_t answers;

  bool is_reply() const { return (flags & 0x8000) != 0; }
  std::uint8_t opcode() const { return flags >> 11 & 15; }
  std::uint8_t reply_code() const { return flags & 15; }
};

// A query that waits for its reply. The metadata of the flow has an array of them, as octets.
struct OpenQuery {
  std::uint64_t time_ns;
  std::uint16_t id;
  std::uint16_t type;
  std::uint32_t is_first;  // 1: the first transaction of the flow
};
static_assert(sizeof(OpenQuery) == 16);

class OpenQueries {
 public:
  static constexpr std::size_t kMost = 16;  // with more, the oldest are forgotten

  explicit OpenQueries(std::string_view octets) : count_(std::min(octets.size() / sizeof(OpenQuery), kMost)) {
    // Without open queries there are no octets, and no address of them.
    if (count_ > 0) std::memcpy(queries_.data(), octets.data(), count_ * sizeof(OpenQuery));
  }
  std::string_view octets() const {
    return {reinterpret_cast<const char*>(queries_.data()), count_ * sizeof(OpenQuery)};
  }
  // If a query with this id and type is open, sets its time, because it was sent again. Returns false if there is none.
  bool repeat(std::uint16_t id, std::uint16_t type, std::uint64_t time_ns) {
    for (OpenQuery& each : std::span(queries_).first(count_)) {
      if (each.id != id || each.type != type) continue;
      each.time_ns = time_ns;
      return true;
    }
    return false;
  }
  void add(const OpenQuery& query) {
    if (count_ == kMost) remove(0);
    queries_[count_++] = query;
  }
  // Removes the query with this id and returns it.
  std::optional<OpenQuery> take(std::uint16_t id) {
    const auto found = std::find_if(queries_.cbegin(), end(), [=](const OpenQuery& each) { return each.id == id; });
    if (found == end()) return std::nullopt;
    const OpenQuery query = *found;
    remove(static_cast<std::size_t>(found - queries_.cbegin()));
    return query;
  }

 private:
  std::array<OpenQuery, kMost>::const_iterator end() const {
    return queries_.begin() + static_cast<std::ptrdiff_t>(count_);
  }
  void remove(std::size_t at) {
    std::copy(queries_.begin() + static_cast<std::ptrdiff_t>(at) + 1,
              queries_.begin() + static_cast<std::ptrdiff_t>(count_),
              queries_.begin() + static_cast<std::ptrdiff_t>(at));
    --count_;
  }

  std::array<OpenQuery, kMost> queries_{};
  std::size_t count_;
};

// Returns nullopt if the octets do not begin with the header of a DNS message.
std::optional<DnsMessage> header_of(const Cursor& message) {
  constexpr std::uint16_t kMostRecords = 1024;
  constexpr std::uint8_t kLastOpcode = 6;
  constexpr std::size_t kFlagsEnd = 4;
  if (message.wire() < kDnsHeader || !message.has(kFlagsEnd)) return std::nullopt;
  // The capture may have cut the header. Numbers of records that it does not have count as 0.
  const auto records = [&message](std::size_t at) { return message.has(at + 2) ? message.be16(at) : std::uint16_t{0}; };
  const DnsMessage header{message.be16(0), message.be16(2), records(4), records(6)};
  const bool fits = header.opcode() <= kLastOpcode && header.questions <= kMostRecords &&
                    header.answers <= kMostRecords && records(8) <= kMostRecords && records(10) <= kMostRecords;
  return fits ? std::optional(header) : std::nullopt;
}

struct DnsQuestion {
  std::string_view name;  // empty if the message has no question
  std::uint16_t type = 0;
  std::size_t end = kDnsHeader;  // offset of the octet after all questions; 0: a question is damaged
};

// Reads the first question and passes over the others. The name is in `text`.
DnsQuestion first_question(const Cursor& message, const DnsMessage& header, std::string& text, std::string& other) {
  constexpr std::size_t kFixed = 4;  // octets of type and class
  DnsQuestion question;
  text.clear();
  for (int i = 0; i < header.questions && question.end != 0; ++i) {
    other.clear();
    const std::size_t end = append_dns_name(message, question.end, i == 0 ? text : other);
    if (end == 0 || !message.has(end + kFixed)) {
      question.end = 0;
      break;
    }
    if (i == 0) question.type = message.be16(end);
    question.end = end + kFixed;
  }
  question.name = text;
  return question;
}

void note_query(const DnsMessage& header, const DnsQuestion& question, const DnsOrigin& origin, Findings& findings) {
  OpenQueries open(findings.text(Metadata::kDnsOpen));
  if (open.repeat(header.id, question.type, origin.time_ns)) {
    return findings.set(Metadata::kDnsOpen, open.octets());
  }
  const std::uint64_t before = findings.number(Metadata::kDnsTransactions).value_or(0);
  const bool is_first = before == 0;
  if (is_first) {
    findings.put(Metadata::kDnsQuery, question.name);
    findings.put(Metadata::kDnsQueryType, question.type);
    findings.put(Metadata::kDnsFlags, header.flags);
  }
  findings.set(Metadata::kDnsTransactions, before + 1);
  open.add({origin.time_ns, header.id, question.type, is_first ? 1U : 0U});
  findings.set(Metadata::kDnsOpen, open.octets());
}

// Calls `take` with each record of the answer section, as far as the message goes.
template <typename Take>
void for_each_answer(const Cursor& message, const DnsMessage& header, std::size_t at, Take take) {
  for (int i = 0; i < header.answers && at != 0; ++i) {
    const DnsRecord record = read_dns_record(message, at);
    if (record.end != 0) take(record);
    at = record.end;
  }
}

bool is_address(const DnsRecord& record) {
  return (record.type == dns_types::kA && record.size == 4) || (record.type == dns_types::kAaaa && record.size == 16);
}

void note_answers(const Cursor& message, const DnsMessage& header, std::size_t at, Workspace& work) {
  Findings& findings = work.findings;
  std::optional<std::uint32_t> least_ttl;
  int count = 0;
  for_each_answer(message, header, at, [&](const DnsRecord& record) {
    least_ttl = std::min(record.ttl, least_ttl.value_or(record.ttl));
    if (++count > kMostAnswers) return;
    work.field_value.clear();
    append_dns_record(message, record, work.field_value);
    findings.add(Metadata::kDnsAnswers, work.field_value);
    if (!is_address(record) || findings.has(Metadata::kDnsAnswer)) return;
    findings.put(Metadata::kDnsAnswer, std::string_view(work.field_value).substr(work.field_value.find(' ') + 1));
  });
  if (least_ttl) findings.put(Metadata::kDnsLeastTtl, *least_ttl);
}

void count(NameCache::Stored stored, Counters& counters) {
  if (stored == NameCache::Stored::kNot) return;
  counters.add(Counter::kNamesStored);
  if (stored == NameCache::Stored::kInstead) counters.add(Counter::kNamesReplaced);
}

// Teaches the cache the addresses in a reply.
void learn_names(const Cursor& message, const DnsMessage& header, const DnsQuestion& question, const DnsOrigin& origin,
                 Workspace& work) {
  if (work.names == nullptr || question.name.empty()) return;
  for_each_answer(message, header, question.end, [&](const DnsRecord& record) {
    const bool of_version = record.size == (origin.sender.ip_version == 4 ? 4 : 16);
    if (!is_address(record) || !of_version) return;
    const NameCache::Pair pair{origin.sender.ip_dst, message.address(record.data_at, record.size)};
    count(work.names->add(pair, question.name, origin.time_ns, record.ttl), work.counters);
  });
}

void note_reply(const Cursor& message, const DnsMessage& header, const DnsQuestion& question, const DnsOrigin& origin,
                Workspace& work) {
  Findings& findings = work.findings;
  OpenQueries open(findings.text(Metadata::kDnsOpen));
  const auto query = open.take(header.id);
  const bool none_before = findings.number(Metadata::kDnsTransactions).value_or(0) == 0;
  if (none_before) findings.set(Metadata::kDnsTransactions, 1);
  if (query) findings.set(Metadata::kDnsOpen, open.octets());
  const bool is_first = query ? query->is_first != 0 : none_before;
  if (is_first) {
    findings.put(Metadata::kDnsQuery, question.name);
    if (!question.name.empty()) findings.put(Metadata::kDnsQueryType, question.type);
    findings.put(Metadata::kDnsReplyCode, header.reply_code());
    findings.set(Metadata::kDnsFlags, header.flags);
    if (query && origin.time_ns >= query->time_ns) {
      findings.put(Metadata::kDnsResponse, origin.time_ns - query->time_ns);
    }
    note_answers(message, header, question.end, work);
  }
  if (header.reply_code() == 0) return learn_names(message, header, question, origin, work);
  findings.set(Metadata::kDnsFailedQuery, question.name);
  findings.set(Metadata::kDnsFailedCode, header.reply_code());
}

}  // namespace

std::string_view dns_protocol_of(std::uint16_t port) {
  switch (port) {
    case 53:
      return "dns";
    case 5353:
      return "mdns";
    case 5355:
      return "llmnr";
    default:
      return {};
  }
}

std::string_view dns_protocol_of(const FlowKey& key) {
  const std::string_view of_dst = dns_protocol_of(key.dst_port);
  return of_dst.empty() ? dns_protocol_of(key.src_port) : of_dst;
}

bool is_surely_dns(const Cursor& datagram) {
  constexpr std::size_t kLeast = kDnsHeader + 5;   // with the question for the root
  constexpr std::uint16_t kStrangeFlags = 0x7840;  // an opcode, or the bit that must be zero
  constexpr std::uint16_t kInternet = 1;
  if (!datagram.has(kLeast) || datagram.be16(4) != 1 || (datagram.be16(2) & kStrangeFlags) != 0) return false;
  const bool is_reply = (datagram.be16(2) & 0x8000) != 0;
  const std::uint16_t most_additional = 4;
  if (!is_reply && (datagram.be16(6) != 0 || datagram.be16(8) != 0)) return false;
  if (datagram.be16(10) > most_additional) return false;
  std::size_t at = kDnsHeader;  // compression begins after the first name
  while (datagram.has(at + 1) && datagram.u8(at) != 0 && datagram.u8(at) < 64) at += 1U + datagram.u8(at);
  if (!datagram.has(at + 5) || datagram.u8(at) != 0 || datagram.be16(at + 3) != kInternet) return false;
  const bool has_records = is_reply || datagram.be16(10) > 0;
  return has_records || datagram.captured() == at + 5;
}

bool read_dns_message(const Cursor& message, const DnsOrigin& origin, Workspace& work) {
  const auto header = header_of(message);
  if (!header) return false;
  const DnsQuestion question = first_question(message, *header, work.text, work.field_name);
  work.findings.put(Metadata::kDnsProtocol, origin.protocol);
  if (header->is_reply()) {
    note_reply(message, *header, question, origin, work);
  } else {
    note_query(*header, question, origin, work.findings);
  }
  return true;
}

ReadStep read_dns_over_tcp(const Reading& reading) {
  Cursor rest = reading.octets;
  const auto length = take_be16(rest);
  if (!length) return ReadStep::need_more();
  if (*length > kMostMessage - sizeof *length) return ReadStep::read(sizeof *length + *length);
  const auto message = take(rest, *length);
  if (!message) return ReadStep::need_more();
  const DnsOrigin origin{"dns", reading.sender, reading.time_ns};
  return read_dns_message(*message, origin, reading.work) ? ReadStep::read(sizeof *length + *length) : ReadStep::done();
}

}  // namespace spanflow
