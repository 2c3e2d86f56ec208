// Tests the arguments for EAL, and EAL's log. EAL is started only in a process of its own.
#include "capture/eal.h"

#include <gmock/gmock.h>
#include <rte_log.h>

#include <cstdlib>

namespace spanflow::testing::eal_test {
namespace {

Config::Input input() {
  Config::Input input;
  input.memory = 64ULL << 20;
  return input;
}

// By default, EAL probes all PCI devices, and may take the host's own network card away from the kernel.
TEST(EalArguments, WithoutAPciDeviceThePciBusIsNotTouched) {
  const auto arguments = eal_arguments(input(), {"net_af_packet0,iface=eth0"}, false);
  EXPECT_THAT(arguments, ::testing::Contains("--no-pci"));
  EXPECT_THAT(arguments, ::testing::Contains("--no-huge"));
  EXPECT_THAT(eal_arguments(input(), {}, false), ::testing::Contains("--no-pci"));
}

TEST(EalArguments, OnlyTheNamedPciDevicesAreAllowed) {
  const auto arguments = eal_arguments(input(), {"0000:03:00.1"}, true);
  EXPECT_THAT(arguments, ::testing::Not(::testing::Contains("--no-pci")));
  const auto allowed = std::find(arguments.begin(), arguments.end(), "-a");
  ASSERT_NE(allowed, arguments.end());
  EXPECT_EQ(*(allowed + 1), "0000:03:00.1");
  EXPECT_THAT(arguments, ::testing::Not(::testing::Contains("--no-huge")));
}

TEST(EalArguments, HaveTheMemoryAndEndWithTheUsersOwn) {
  Config::Input options = input();
  options.eal_arguments = {"--iova-mode=va", "--log-level=8"};
  const auto arguments = eal_arguments(options, {}, true);
  const auto memory = std::find(arguments.begin(), arguments.end(), "-m");
  ASSERT_NE(memory, arguments.end());
  EXPECT_EQ(*(memory + 1), "64");
  EXPECT_EQ(*(arguments.end() - 2), "--iova-mode=va");
  EXPECT_EQ(arguments.back(), "--log-level=8");
}

TEST(EalArguments, WithoutHugepagesThereIsRoomForMoreInputs) {
  const auto arguments = eal_arguments(input(), {}, false);
  EXPECT_EQ(*(std::find(arguments.begin(), arguments.end(), "-m") + 1), "512");
}

// vfio pins all memory of EAL. With room for more inputs, a device pinned 2 GiB for an input.memory of 256 MiB.
TEST(EalArguments, WithoutHugepagesAPciDeviceTakesTheMemoryOfOneInput) {
  const auto arguments = eal_arguments(input(), {"0000:03:00.1"}, false);
  EXPECT_EQ(*(std::find(arguments.begin(), arguments.end(), "-m") + 1), "64");
}

TEST(PciDevices, AreToldFromVdevs) {
  for (const char* device : {"0000:03:00.0", "03:00.1", "0000:af:1f.7,queues=4", "af:00.0"}) {
    EXPECT_TRUE(is_pci_device(device)) << device;
  }
  for (const char* device :
       {"", "eth0", "net_pcap0,iface=lo", "03:00", "03:00.8", "0000:03:00.0x", "net_tap0,mac=00:00.0"}) {
    EXPECT_FALSE(is_pci_device(device)) << device;
  }
}

bool logs_at_the_end = false;

// Runs after the destructors of all static objects.
[[gnu::destructor]] void log_at_the_end() {
  if (logs_at_the_end) rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "a line that is longer than a short string can be\n");
}

// The threads of DPDK run until the process has ended, and its telemetry thread does log when its socket goes away.
TEST(EalDeathTest, TakesALineDuringTheExit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  [[maybe_unused]] static const Eal* kept;  // still there at the end, as in a program that a failure ends
  const auto log_and_exit = [] {
    kept = new Eal(input(), {});
    logs_at_the_end = true;
    std::exit(0);
  };
  EXPECT_EXIT(log_and_exit(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace spanflow::testing::eal_test
