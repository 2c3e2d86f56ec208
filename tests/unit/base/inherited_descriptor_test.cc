// Finds descriptors by their paths, and opens them again.
#include "base/inherited_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "support/temporary_folder.h"

namespace spanflow::testing::inherited_descriptor_test {
namespace {

TEST(InheritedDescriptor, PathsThatNameOne) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/dev/stdout", folder / "link");
  std::filesystem::create_symlink(folder / "link", folder / "link of a link");
  const std::string own = "/proc/" + std::to_string(::getpid()) + "/fd/7";
  EXPECT_EQ(inherited_descriptor("-", 1), 1);
  EXPECT_EQ(inherited_descriptor("-", 0), 0);
  EXPECT_EQ(inherited_descriptor("/dev/stdout", 0), 1);
  EXPECT_EQ(inherited_descriptor("/dev/stderr", 0), 2);
  EXPECT_EQ(inherited_descriptor("/dev/fd/12", 0), 12);
  EXPECT_EQ(inherited_descriptor("/proc/self/fd/3", 0), 3);
  EXPECT_EQ(inherited_descriptor(own, 0), 7);
  EXPECT_EQ(inherited_descriptor(folder / "link", 0), 1);
  EXPECT_EQ(inherited_descriptor(folder / "link of a link", 0), 1);
}

TEST(InheritedDescriptor, PathsThatNameNone) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "loop", folder / "loop");
  for (const std::string& path :
       {std::string("/dev/null"), std::string("/dev/fd/x"), std::string("/dev/fd/-1"), std::string("/proc/1/fd/1"),
        std::string("flows.csv"), folder / "loop", folder / "none", std::string("")}) {
    EXPECT_EQ(inherited_descriptor(path, 0), std::nullopt) << path;
  }
}

TEST(InheritedDescriptor, AFileSharesItsOffset) {
  const TemporaryFolder folder;
  const Descriptor file(::open((folder / "file").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(::write(file.get(), "abc", 3), 3);
  const OpenedDescriptor opened = open_inherited(file.get(), O_WRONLY);
  ASSERT_TRUE(opened.descriptor);
  ASSERT_EQ(::write(opened.descriptor.get(), "def", 3), 3);
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), 6);
}

TEST(InheritedDescriptor, APipeIsOpenedAgainWithoutBlocking) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Descriptor reader(ends[0]);
  const Descriptor writer(ends[1]);
  const OpenedDescriptor opened = open_inherited(writer.get(), O_WRONLY);
  ASSERT_TRUE(opened.descriptor);
  EXPECT_FALSE(opened.may_block);
  EXPECT_NE(::fcntl(opened.descriptor.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(writer.get(), F_GETFL) & O_NONBLOCK, 0) << "other processes share it";
}

TEST(InheritedDescriptor, ASocketMayBlock) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  const OpenedDescriptor opened = open_inherited(theirs.get(), O_WRONLY);
  EXPECT_TRUE(opened.descriptor);
  EXPECT_TRUE(opened.may_block);
}

TEST(InheritedDescriptor, OneThatIsClosedOrReadOnlyOrOursIsRefused) {
  const Descriptor read_only(::open("/dev/null", O_RDONLY));
  EXPECT_FALSE(open_inherited(read_only.get(), O_WRONLY).descriptor);
  const Descriptor ours(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(open_inherited(ours.get(), O_WRONLY).descriptor);
  EXPECT_FALSE(open_inherited(9999, O_WRONLY).descriptor);
}

}  // namespace
}  // namespace spanflow::testing::inherited_descriptor_test
