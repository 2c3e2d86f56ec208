#include "capture/eal.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_version.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>

#include "base/cpus.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "telemetry/log.h"
#include "version.h"

namespace spanflow {
namespace {

struct LastLines {
  std::mutex mutex;
  std::string of_dpdk;
  std::string of_library;  // libbpf or libxdp
};

// The lines are never destroyed, because DPDK's threads may log while the program exits.
LastLines& last_lines() {
  static auto* const lines = new LastLines;
  return *lines;
}

// Logs a line at debug level, and keeps the line in `kept` for error messages.
void take_line(std::string_view line, std::string LastLines::*kept) {
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  log().debug("{}", line);
  const std::lock_guard lock(last_lines().mutex);
  last_lines().*kept = line;
}

// The stdio stream that DPDK writes its log to calls this function.
ssize_t take_log(void*, const char* text, std::size_t size) {
  take_line({text, size}, &LastLines::of_dpdk);
  return static_cast<ssize_t>(size);
}

// The log callback of libbpf and libxdp. In both libraries, level 0 is a warning, level 1 information and level 2
// debug.
int take_log_of_library(int level, const char* format, va_list arguments) {
  constexpr int kDebug = 2;
  if (level >= kDebug) return 0;
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  take_line(text.data(), &LastLines::of_library);
  return 0;
}

// Sets take_log_of_library() as the log callback of a library. By default, the libraries of the af_xdp driver write to
// standard error. The function `set_print` is looked up at run time, because the process may run without these
// libraries: they are loaded only with the af_xdp driver.
void redirect_log_of(const char* library, const char* set_print) {
  void* handle = ::dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  if (handle == nullptr) return;
  using Print = int (*)(int, const char*, va_list);
  if (void* function = ::dlsym(handle, set_print); function != nullptr) {
    reinterpret_cast<Print (*)(Print)>(function)(take_log_of_library);
  }
  ::dlclose(handle);
}

void redirect_log() {
  static std::FILE* stream =
      fopencookie(nullptr, "w", {.read = nullptr, .write = take_log, .seek = nullptr, .close = nullptr});
  setvbuf(stream, nullptr, _IOLBF, 0);
  rte_openlog_stream(stream);
}

constexpr std::string_view kPrefix = "spanflow-";

std::string file_prefix() { return fmt::format("{}{}", kPrefix, ::getpid()); }

// True if a process listens on the telemetry socket of a runtime folder.
bool is_in_use(const std::filesystem::path& folder) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = folder / "dpdk_telemetry.v2";
  if (path.size() >= sizeof address.sun_path) return true;
  std::memcpy(address.sun_path, path.data(), path.size());
  const Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Removes the runtime folders of runs that were killed. Their names end in the number of a process that no longer
// exists. That alone would not be enough: another container may share the folder and have other numbers.
void remove_leftovers(const std::filesystem::path& runtime_folder) {
  std::error_code none;
  for (const auto& folder : std::filesystem::directory_iterator(runtime_folder.parent_path(), none)) {
    const std::string name = folder.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    const int process = std::atoi(name.c_str() + kPrefix.size());
    const bool is_gone = process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
    if (is_gone && !is_in_use(folder.path())) std::filesystem::remove_all(folder.path(), none);
  }
}

// Returns the value of EAL's option --lcores: one lcore, which may run on all CPUs that this process may use.
std::string floating_lcore() { return fmt::format("0@({})", fmt::join(allowed_cpus(), ",")); }

// Throws RunError if this build has no driver for one of the devices. DPDK's own error would not say so.
void require_drivers(const std::vector<std::string>& devices) {
  if (!kSelfContained) return;
  for (const std::string& device : devices) {
    if (device.starts_with("net_af_packet")) continue;
    throw RunError(fmt::format(
        "{}: this build of spanflow has DPDK's driver net_af_packet only, which captures from kernel interfaces",
        device));
  }
}

}  // namespace

bool is_pci_device(const std::string& device) {
  // In a form such as "xx:xx.f", x stands for a hexadecimal digit, and f for the number of a PCI function (0 to 7).
  const auto matches = [](char c, char form) {
    if (form == 'x') return std::isxdigit(static_cast<unsigned char>(c)) != 0;
    return form == 'f' ? c >= '0' && c <= '7' : c == form;
  };
  const std::string_view address = std::string_view(device).substr(0, device.find(','));
  const auto has_form = [&](std::string_view form) { return std::ranges::equal(address, form, matches); };
  return has_form("xx:xx.f") || has_form("xxxx:xx:xx.f");
}

bool hugepages_available(std::uint64_t octets) {
  std::error_code none;
  std::uint64_t free_octets = 0;
  for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    std::uint64_t pages = 0;
    std::ifstream(size.path() / "free_hugepages") >> pages;
    const std::string name = size.path().filename();  // for example hugepages-2048kB
    free_octets += pages * std::stoull(name.substr(name.find('-') + 1)) * 1024;
  }
  return free_octets >= octets;
}

std::vector<std::string> eal_arguments(const Config::Input& input, const std::vector<std::string>& devices,
                                       bool hugepages) {
  std::vector<std::string> arguments{"spanflowd"};
  const bool any_pci = std::any_of(devices.begin(), devices.end(), is_pci_device);
  // Without hugepages, the memory of EAL cannot grow for further inputs. Memory that is not used costs nothing, except
  // for PCI devices: vfio pins all of it.
  const std::uint64_t inputs = hugepages || any_pci ? 1 : 8;
  if (!any_pci) arguments.emplace_back("--no-pci");
  for (const std::string& device : devices) {
    if (is_pci_device(device)) arguments.insert(arguments.end(), {"-a", device});
  }
  arguments.emplace_back(hugepages ? "--in-memory" : "--no-huge");
  arguments.emplace_back("-m");
  arguments.push_back(std::to_string((inputs * input.memory) >> 20));
  arguments.push_back("--file-prefix=" + file_prefix());
  arguments.emplace_back("--no-shconf");
  arguments.insert(arguments.end(), input.eal_arguments.begin(), input.eal_arguments.end());
  return arguments;
}

namespace {

// EAL itself, until the process ends.
class Process {
 public:
  Process(const Config::Input& input, const std::vector<std::string>& devices)
      : has_pci_(std::ranges::any_of(devices, is_pci_device)) {
    redirect_log();
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    const bool hugepages = hugepages_available(input.memory);
    if (has_pci_ && !hugepages) {
      log().warn("less than {} MiB of hugepages are free, so the buffers of {} use ordinary memory", input.memory >> 20,
                 fmt::join(devices, ", "));
    }
    std::vector<std::string> arguments = eal_arguments(input, devices, hugepages);
    arguments.push_back("--lcores=" + floating_lcore());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const int result = rte_eal_init(static_cast<int>(argv.size()) - 1, argv.data());
    // rte_eal_init() has pinned the calling thread. New threads would inherit the pinning, so restore the old CPU mask.
    sched_setaffinity(0, sizeof allowed, &allowed);
    if (result < 0) {
      throw RunError(fmt::format("DPDK cannot be initialised: {} ({})", rte_strerror(rte_errno), Eal::last_words()));
    }
    remove_leftovers(rte_eal_get_runtime_dir());
  }

  // EAL creates a runtime folder for each process and does not remove this folder. A folder with another prefix (from
  // input.eal_arguments) stays, because other processes may use it.
  ~Process() {
    const std::string runtime_folder = rte_eal_get_runtime_dir();
    rte_eal_cleanup();
    std::error_code none;
    if (runtime_folder.find(file_prefix()) != std::string::npos) std::filesystem::remove_all(runtime_folder, none);
  }

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool has_pci() const { return has_pci_; }

 private:
  const bool has_pci_;
};

std::vector<std::uint16_t> all_ports() {
  std::vector<std::uint16_t> ports;
  std::uint16_t port = 0;
  RTE_ETH_FOREACH_DEV(port) ports.push_back(port);
  return ports;
}

// Returns the device with another number in its name if a device with this name exists: net_af_packet0,iface=a ->
// net_af_packet1,iface=a.
std::string with_unused_name(const std::string& device) {
  const std::string name = device.substr(0, device.find(','));
  const std::string stem = name.substr(0, name.find_last_not_of("0123456789") + 1);
  std::string unused = name;
  std::uint16_t port = 0;
  for (int number = 0; rte_eth_dev_get_port_by_name(unused.c_str(), &port) == 0; ++number) {
    unused = stem + std::to_string(number);
  }
  return unused + device.substr(name.size());
}

}  // namespace

Eal::Eal(const Config::Input& input, const std::vector<std::string>& devices) {
  require_drivers(devices);
  static std::mutex mutex;  // guards DPDK's list of ports
  const std::lock_guard lock(mutex);
  std::vector<std::uint16_t> others;
  static std::optional<Process> process;
  if (process) {
    others = all_ports();
  } else {
    process.emplace(input, devices);
  }
  try {
    for (const std::string& device : devices) {
      if (!is_pci_device(device)) {
        add(device);
      } else if (!process->has_pci()) {
        throw RunError(device + ": PCI devices must be in the first live capture of a process");
      }
    }
  } catch (...) {
    remove_added();
    throw;
  }
  redirect_log_of("libbpf.so.1", "libbpf_set_print");
  redirect_log_of("libxdp.so.1", "libxdp_set_print");
  std::ranges::set_difference(all_ports(), others, std::back_inserter(ports_));
}

Eal::~Eal() { remove_added(); }

void Eal::remove_added() {
  for (const std::string& name : added_) rte_eal_hotplug_remove("vdev", name.c_str());
}

void Eal::add(const std::string& device) {
  const std::string unused = with_unused_name(device);
  if (const int result = rte_dev_probe(unused.c_str()); result < 0) {
    throw RunError(fmt::format("{}: cannot be opened: {} ({})", device, rte_strerror(-result), last_words()));
  }
  added_.push_back(unused.substr(0, unused.find(',')));
}

std::string Eal::version() {
  constexpr std::string_view kName = "DPDK ";
  const std::string_view version = rte_version();
  return std::string(version.starts_with(kName) ? version.substr(kName.size()) : version);
}

std::string Eal::last_words() {
  const std::lock_guard lock(last_lines().mutex);
  return last_lines().of_library.empty() ? last_lines().of_dpdk : last_lines().of_library;
}

}  // namespace spanflow
