// Sends IPFIX messages to a collector. Collectors do not confirm messages, so a record counts as delivered once it is
// sent.
#include <chrono>
#include <deque>
#include <utility>

#include "base/error.h"
#include "sinks/export_socket.h"
#include "sinks/field_selection.h"
#include "sinks/ipfix_messages.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

constexpr std::size_t kDatagram = 1400;   // octets of a message over UDP; every usual MTU takes them without fragments
constexpr std::size_t kSegment = 16'384;  // octets of a message over TCP

struct IpfixSettings {
  std::string path;  // the collector's address: udp://HOST:PORT or tcp://HOST:PORT
  std::uint64_t observation_domain = 0;
  Nanoseconds template_refresh = std::chrono::minutes{1};  // over UDP, time until the templates are sent again

  bool operator==(const IpfixSettings&) const = default;
};

std::vector<Setting> ipfix_options() {
  return {
      {"path", "collector to send to: udp://HOST:PORT or tcp://HOST:PORT", TextSetting{at<&IpfixSettings::path>()}},
      {"observation_domain", "observation domain id, which tells several probes of one collector apart",
       NumberSetting{at<&IpfixSettings::observation_domain>(), 0, 0xffff'ffff}},
      {"template_refresh", "over UDP, time after which the templates are sent again",
       DurationSetting{at<&IpfixSettings::template_refresh>(), std::chrono::seconds{1}, std::nullopt}},
  };
}

std::string ipfix_complaint(const SinkSettings& settings) {
  return settings.as<IpfixSettings>().path.empty() ? "an ipfix sink needs a path" : "";
}

std::optional<SinkSettings> ipfix_from_target(const std::string& target) {
  if (target.empty()) return std::nullopt;
  return IpfixSettings{.path = target};
}

SinkPlaces ipfix_places(const SinkSettings& settings) {
  return {.target = settings.as<IpfixSettings>().path, .spool = ""};
}

class IpfixSink : public Sink {
 public:
  IpfixSink(const SinkConfig& config, const IpfixSettings& settings, const SinkContext& context)
      : refresh_(settings.template_refresh),
        socket_(settings.path, context.abandon),
        packer_(select_fields(fields_of(config, context.config), context.config),
                static_cast<std::uint32_t>(settings.observation_domain),
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

  // RFC 7011, section 8.4: over UDP the exporter repeats the templates, because a datagram may be lost.
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

std::unique_ptr<Sink> make_ipfix(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<IpfixSink>(config, config.settings.as<IpfixSettings>(), context);
}

}  // namespace

SinkType ipfix_sink() {
  return {.name = "ipfix",
          .help = "messages to a collector, RFC 7011",
          .target_form = "udp://HOST:PORT",
          .options = ipfix_options(),
          .complaint = ipfix_complaint,
          .from_target = ipfix_from_target,
          .places = ipfix_places,
          .make = make_ipfix};
}

}  // namespace spanflow
