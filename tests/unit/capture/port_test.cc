#include "capture/port.h"

#include <gmock/gmock.h>

namespace spanflow::testing::port_test {
namespace {

TEST(PortTest, AQueueIsAsLongAsItsDriverAndHalfOfItsBuffersAllow) {
  EXPECT_EQ(descriptors_for(65'535, 4096), 4096);
  EXPECT_EQ(descriptors_for(65'535, 65'535), 8192);
  EXPECT_EQ(descriptors_for(8191, 65'535), 4096);
  EXPECT_EQ(descriptors_for(511, 4096), 256);
}

}  // namespace
}  // namespace spanflow::testing::port_test
