#include "crash_reporter.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/hex.h"
#include "crash_report.h"
#include "sinks/text.h"

namespace spanflow {
namespace {

constexpr std::array kFatalSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t kTextOctets = 64 << 10;
constexpr std::size_t kNameOctets = 256;

std::atomic<CrashReporter*> the_reporter{nullptr};

Descriptor open_folder(const std::string& folder) {
  const auto check = [&folder](bool works) {
    if (!works) throw RunError("crash_folder: " + folder + ": " + std::strerror(errno));
  };
  check(::mkdir(folder.c_str(), 0750) == 0 || errno == EEXIST);
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(static_cast<bool>(descriptor));
  check(::faccessat(descriptor.get(), ".", W_OK | X_OK, AT_EACCESS) == 0);
  return descriptor;
}

void set_handlers(void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  if (handler != nullptr) {
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = handler;
  } else {
    action.sa_handler = SIG_DFL;
  }
  for (const int signal : kFatalSignals) ::sigaction(signal, &action, nullptr);
}

struct PcapHeader {
  std::uint32_t magic = 0xa1b23c4d;  // times in ns
  std::uint16_t major = 2;
  std::uint16_t minor = 4;
  std::uint32_t zone = 0;
  std::uint32_t accuracy = 0;
  std::uint32_t snap_length = 65'535;
  std::uint32_t link_type = 101;  // LINKTYPE_RAW: IP
  // of the packet
  std::uint32_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  std::uint32_t captured = 0;
  std::uint32_t size = 0;
};
static_assert(sizeof(PcapHeader) == 40);

PcapHeader pcap_header(const Packet& packet) {
  PcapHeader header;
  header.seconds = static_cast<std::uint32_t>(packet.time_ns / kNanosecondsPerSecond);
  header.nanoseconds = static_cast<std::uint32_t>(packet.time_ns % kNanosecondsPerSecond);
  header.captured = packet.ip_captured;
  header.size = packet.ip_size;
  return header;
}

template <typename Value>
std::span<const std::uint8_t, sizeof(Value)> octets_of(const Value& value) {
  return std::span<const std::uint8_t, sizeof(Value)>(reinterpret_cast<const std::uint8_t*>(&value), sizeof value);
}

std::string_view text_of(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace

CrashReporter::CrashReporter(const std::string& folder, std::vector<const Counters*> counters)
    : folder_(open_folder(folder)), counters_(std::move(counters)) {
  TextWriter(text_).room(kTextOctets);
  TextWriter(name_).room(kNameOctets);
  the_reporter = this;
  set_handlers(handle);
}

CrashReporter::~CrashReporter() {
  set_handlers(nullptr);
  the_reporter = nullptr;
}

void CrashReporter::handle(int signal, siginfo_t* info, void* /*context*/) {
  const int error = errno;
  // A second crash, in another thread or in this function, gets no report.
  if (CrashReporter* reporter = the_reporter.exchange(nullptr)) reporter->report(signal, *info);
  // A fault of the processor comes again when this function returns, and then ends the process.
  const bool was_sent = info->si_code <= 0;
  if (was_sent) ::raise(signal);
  errno = error;
}

void CrashReporter::report(int signal, const siginfo_t& info) {
  const bool from_outside = info.si_code == SI_USER;
  const auto work = from_outside ? NdpiActivity::hanging() : NdpiActivity::of_thread(::gettid());
  const auto time = static_cast<std::uint64_t>(::time(nullptr));
  describe(signal, time, work);
  write_file(time, ".txt", {text_.view()});
  if (!work || work->packet == nullptr) return;
  const PcapHeader header = pcap_header(*work->packet);
  write_file(time, ".pcap", {text_of(octets_of(header)), text_of({work->packet->ip, work->packet->ip_captured})});
}

void CrashReporter::describe(int signal, std::uint64_t time, const std::optional<NdpiActivity::Work>& work) {
  std::array<char, 16> thread{};
  ::prctl(PR_GET_NAME, thread.data());
  add_line(crash_line::kSignal, static_cast<std::uint64_t>(signal));
  add_line(crash_line::kTime, time);
  add_line(crash_line::kThread, thread.data());
  if (work) add_line(crash_line::kFlowKey, HexText<sizeof(FlowKey)>(octets_of(*work->key)).view());
  CounterValues sums{};
  for (const Counters* counters : counters_) add_up(counters->values(), sums);
  for (const CounterInfo& counter : kCounters) add_line(counter.name, value_of(sums, counter.id));
}

void CrashReporter::add_line(std::string_view name, std::string_view value) {
  TextWriter out(text_);
  out.append(name);
  out.push_back(' ');
  out.append(value);
  out.push_back('\n');
  out.finish();
}

void CrashReporter::add_line(std::string_view name, std::uint64_t value) {
  std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits{};
  const char* const end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  add_line(name, std::string_view(digits.data(), end));
}

void CrashReporter::write_file(std::uint64_t time, std::string_view extension,
                               std::initializer_list<std::string_view> parts) {
  name_.clear();
  TextWriter out(name_);
  out.append("crash-");
  out = append_digits(out, time);
  out.push_back('-');
  out = append_digits(out, static_cast<std::uint64_t>(::getpid()));
  out.append(extension);
  out.push_back('\0');
  out.finish();
  const Descriptor file(
      ::openat(folder_.get(), name_.data(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
  if (!file) return;
  for (const std::string_view part : parts) {
    // There is nobody to tell about an error.
    [[maybe_unused]] const ssize_t written = ::write(file.get(), part.data(), part.size());
  }
}

}  // namespace spanflow
