// IPFIX to a collector. Over UDP a datagram counts as delivered once it is sent: nothing tells whether it arrived.
#include <chrono>
#include <deque>
#include <utility>

#include "base/error.h"
#include "sinks/export_socket.h"
#include "sinks/field_table.h"
#include "sinks/ipfix_messages.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

constexpr std::size_t kDatagram = 1400;  // through every usual MTU without fragments
constexpr std::size_t kSegment = 16'384;

class IpfixSink : public Sink {
 public:
  IpfixSink(const SinkConfig& config, const SinkContext& context)
      : refresh_(config.template_refresh),
        socket_(config.path, context.abandon),
        packer_(select_fields(fields_of(config, context.config), context.config),
                static_cast<std::uint32_t>(config.observation_domain),
                socket_.sends_datagrams() ? kDatagram : kSegment) {
    if (packer_.empty()) throw RunError(sink_name(config) + ": none of its fields has an IPFIX element");
  }

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) packer_.add(record);
  }

  void flush() override {
    for (IpfixMessage& message : packer_.take()) unsent_.push_back(std::move(message));
    if (socket_.connect()) begin_session();
    if (socket_.sends_datagrams() && Clock::now() >= next_definitions_) send_definitions();
    for (; !unsent_.empty(); unsent_.pop_front()) send(unsent_.front());
  }

 private:
  using Clock = std::chrono::steady_clock;

  void begin_session() {
    sequence_ = 0;
    send_definitions();
  }

  // RFC 7011, section 8.1: by a transport that may lose them they are sent again now and then.
  void send_definitions() {
    IpfixMessage definitions = packer_.definitions();
    send(definitions);
    next_definitions_ = Clock::now() + refresh_;
  }

  void send(IpfixMessage& message) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    message.stamp(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count()), sequence_);
    socket_.send(message.octets);
    sequence_ += message.data_records;
  }

  const Nanoseconds refresh_;
  ExportSocket socket_;
  IpfixPacker packer_;
  std::deque<IpfixMessage> unsent_;
  std::uint32_t sequence_ = 0;
  Clock::time_point next_definitions_;
};

}  // namespace

std::unique_ptr<Sink> make_ipfix_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<IpfixSink>(config, context);
}

}  // namespace spanflow
