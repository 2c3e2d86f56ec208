#include "capture/numa.h"

#include <gmock/gmock.h>

#include "support/temporary_folder.h"

namespace spanflow::testing::numa_test {
namespace {

TEST(NumaTest, TheKernelTellsTheNodeOfACpu) {
  TemporaryFolder folder;
  const std::filesystem::path cpus = folder / "cpu";
  std::filesystem::create_directories(cpus / "cpu3" / "node12");
  std::filesystem::create_directories(cpus / "cpu3" / "topology");
  std::filesystem::create_directories(cpus / "cpu4" / "nodes");
  EXPECT_EQ(node_of_cpu(3, cpus), 12);
  EXPECT_EQ(node_of_cpu(4, cpus), -1);
  EXPECT_EQ(node_of_cpu(5, cpus), -1);
}

}  // namespace
}  // namespace spanflow::testing::numa_test
