#include "../../../daemon/unix_socket.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <thread>

namespace spanflow::testing::unix_socket_test {
namespace {

using namespace std::chrono_literals;

// Interrupts the calls of this thread while the object lives.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGUSR1, &action, &before_);
    thread_ = std::jthread([interrupted = ::pthread_self()](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(1ms)) ::pthread_kill(interrupted, SIGUSR1);
    });
  }
  ~Interruptions() {
    thread_.request_stop();
    thread_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

 private:
  struct sigaction before_ {};
  std::jthread thread_;
};

TEST(UnixSocket, SignalsInterruptNoCall) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const Descriptor here(ends[0]);
  const Descriptor there(ends[1]);
  const std::string long_text(4 << 20, 'x');  // more than the socket's buffer
  std::jthread peer([&] {
    std::this_thread::sleep_for(20ms);
    const std::string received = read_line(there, long_text.size());
    write_all(there, std::to_string(received.size()) + "\n");
  });
  const Interruptions interruptions;
  EXPECT_TRUE(write_all(here, long_text));
  EXPECT_EQ(read_line(here, 100), std::to_string(long_text.size()));
}

}  // namespace
}  // namespace spanflow::testing::unix_socket_test
