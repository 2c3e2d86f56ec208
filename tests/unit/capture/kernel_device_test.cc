#include "capture/kernel_device.h"

#include <gmock/gmock.h>

namespace spanflow::testing::kernel_device_test {
namespace {

using ::testing::HasSubstr;

const InterfaceFacts kPlain{.name = "eth1", .mtu = 1500, .is_up = true};

InterfaceFacts with_mtu(std::uint32_t mtu) {
  InterfaceFacts facts = kPlain;
  facts.mtu = mtu;
  return facts;
}

InterfaceFacts with_queues(std::uint32_t receive, std::uint32_t combined) {
  InterfaceFacts facts = kPlain;
  facts.receive_queues = receive;
  facts.combined_channels = combined;
  return facts;
}

KernelDevice device_by(KernelDriver driver, const InterfaceFacts& facts) {
  Config::Input input;
  input.driver = driver;
  return kernel_device(input, 1, facts);
}

TEST(KernelDeviceTest, AfPacketHasFramesForTheMtuAndAsManyAsAskedFor) {
  const KernelDevice device = af_packet_device({}, 1, kPlain);
  EXPECT_EQ(device.device, "net_af_packet0,iface=eth1,blocksz=65536,framesz=2048,framecnt=16384,qpairs=1");
  EXPECT_EQ(device.frames, 16'384U);
  EXPECT_EQ(af_packet_device({}, 1, with_mtu(9000)).frame, 16'384U);
}

TEST(KernelDeviceTest, AfPacketHasAQueueForEachWorkerOrASingleOne) {
  EXPECT_THAT(af_packet_device({}, 16, kPlain).device, HasSubstr(",qpairs=16"));
  EXPECT_EQ(af_packet_device({}, 16, kPlain).queues, 16U);
  EXPECT_THAT(af_packet_device({}, 17, kPlain).device, HasSubstr(",qpairs=1"));
  EXPECT_EQ(af_packet_device({}, 17, kPlain).queues, 1U);
}

TEST(KernelDeviceTest, AfXdpListensOnEveryCombinedQueue) {
  EXPECT_EQ(af_xdp_device(kPlain).device, "net_af_xdp0,iface=eth1,start_queue=0,queue_count=1");
  EXPECT_EQ(af_xdp_device(with_queues(4, 4)).device, "net_af_xdp0,iface=eth1,start_queue=0,queue_count=4");
  EXPECT_EQ(af_xdp_device(kPlain).frame, 1500U + 22 + 256);
}

TEST(KernelDeviceTest, NothingIsInTheWayOfAfXdpOnAPlainInterface) {
  EXPECT_EQ(obstacle_to_af_xdp(kPlain, {}), "");
  EXPECT_EQ(obstacle_to_af_xdp(with_queues(8, 8), {}), "");
  EXPECT_EQ(obstacle_to_af_xdp(with_mtu(3434), {}), "");
}

TEST(KernelDeviceTest, AfXdpNeedsAFrameToFitInAPage) {
  EXPECT_EQ(obstacle_to_af_xdp(with_mtu(3435), {}),
            "its MTU is 3435, but af_xdp allows at most 3434, because a frame must fit in a page");
  EXPECT_EQ(obstacle_to_af_xdp(with_mtu(9000), {}),
            "its MTU is 9000, but af_xdp allows at most 3434, because a frame must fit in a page");
}

TEST(KernelDeviceTest, AfXdpMustNotLeaveQueuesUnheard) {
  EXPECT_THAT(obstacle_to_af_xdp(with_queues(2, 0), {}), HasSubstr("it has 2 receive queues"));
  EXPECT_THAT(obstacle_to_af_xdp(with_queues(5, 4), {}), HasSubstr("packets of all but the first 4 would be lost"));
}

TEST(KernelDeviceTest, AfXdpLeavesProgramsOfOthersAlone) {
  InterfaceFacts facts = kPlain;
  facts.xdp_program = "firewall";
  EXPECT_EQ(obstacle_to_af_xdp(facts, {}), "it has an XDP program already (firewall): ip link set eth1 xdp off");
  facts.xdp_program = "xsk_def_prog";  // libxdp's own program, which a killed run leaves behind
  EXPECT_EQ(obstacle_to_af_xdp(facts, {}), "");
}

TEST(KernelDeviceTest, AfXdpNeedsABuildAndAKernelThatHaveItAndPermission) {
  EXPECT_THAT(obstacle_to_af_xdp(kPlain, {.build_has_it = false}), HasSubstr("no driver for it"));
  EXPECT_THAT(obstacle_to_af_xdp(kPlain, {.kernel_has_it = false}), HasSubstr("no AF_XDP sockets"));
  EXPECT_THAT(obstacle_to_af_xdp(kPlain, {.permitted = false}), HasSubstr("CAP_SYS_ADMIN"));
}

// af_xdp takes packets away from the kernel, so only the user may choose it (docs/decisions/0006).
TEST(KernelDeviceTest, AutoNeverTakesAfXdp) {
  InterfaceFacts of_host = kPlain;
  of_host.has_addresses = true;
  for (const InterfaceFacts& facts : {kPlain, of_host, with_mtu(9000), with_queues(4, 4)}) {
    EXPECT_EQ(device_by(KernelDriver::kAuto, facts).device, af_packet_device({}, 1, facts).device);
    EXPECT_EQ(device_by(KernelDriver::kAfPacket, facts).device, af_packet_device({}, 1, facts).device);
  }
}

}  // namespace
}  // namespace spanflow::testing::kernel_device_test
