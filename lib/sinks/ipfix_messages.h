// Writes flow records as IPFIX messages (RFC 7011). A biflow is one data record (RFC 5103).
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/field_table.h"

namespace spanflow {

// A field of a data record, and the information element for it.
struct IpfixColumn {
  const Field* field;
  IpfixElement element;
};

// The template of the data records for flows of one IP version.
class IpfixTemplate {
 public:
  IpfixTemplate(std::uint16_t id, std::span<const Field* const> fields, unsigned ip_version);

  std::uint16_t id() const { return id_; }
  bool empty() const { return columns_.empty(); }
  // Appends the template record (RFC 7011, section 3.4.1).
  TextWriter append_definition(TextWriter out) const;
  TextWriter append_record(TextWriter out, const FlowRecord& record) const;

 private:
  std::uint16_t id_;
  std::vector<IpfixColumn> columns_;
};

struct IpfixMessage {
  std::string octets;          // header and sets; export time and sequence number are 0 until stamp()
  std::uint32_t data_records;  // number of data records in this message

  // Sets export time and sequence number. `sequence` is the number of data records sent before this message on the same
  // connection.
  void stamp(std::uint32_t export_time_s, std::uint32_t sequence);
};

// Packs records into messages of at most `most_octets` octets. A record that is too long for this limit gets a message
// of its own.
class IpfixPacker {
 public:
  IpfixPacker(std::span<const Field* const> fields, std::uint32_t observation_domain, std::size_t most_octets);

  bool empty() const { return ipv4_.empty(); }  // true if no field has an IPFIX element
  void add(const FlowRecord& record);
  // Returns complete messages with all records added since the last take().
  std::deque<IpfixMessage> take();
  // The message that defines the templates.
  IpfixMessage definitions() const;

 private:
  void open_set(std::uint16_t id);
  void close_set();
  void close_message();

  const IpfixTemplate ipv4_;
  const IpfixTemplate ipv6_;
  const std::uint32_t observation_domain_;
  const std::size_t most_octets_;
  TextBuffer record_;
  std::string message_;             // the message that is being filled; empty: no message
  std::uint32_t data_records_ = 0;  // number of data records in message_
  std::size_t set_at_ = 0;          // offset in message_ of the set that is being filled
  std::uint16_t set_id_ = 0;        // template id of this set; 0: no set
  std::deque<IpfixMessage> ready_;  // complete messages for the next take()
};

}  // namespace spanflow
