#include "base/privileges.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace spanflow {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw RunError(fmt::format("user: {}: {}", what, std::strerror(errno)));
}

}  // namespace

void limit_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs cannot be set");
  // A newer kernel has more capabilities than this header: the loop ends where the kernel says EINVAL.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM) fail("a capability cannot be dropped");
  }
}

void become_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> texts(16'384);
  ::getpwnam_r(name.c_str(), &entry, texts.data(), texts.size(), &found);
  if (found == nullptr) throw ConfigError(fmt::format("user: there is no user {}", name));
  if (::geteuid() == entry.pw_uid && ::getuid() == entry.pw_uid) return;
  // glibc makes these system calls in every thread. The change from root to another user clears the capabilities.
  if (::initgroups(name.c_str(), entry.pw_gid) != 0) fail("the groups cannot be changed");
  if (::setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid) != 0) fail("the group cannot be changed");
  if (::setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid) != 0) fail("the user cannot be changed");
  // The kernel hides /proc/self from a process that has changed its user, but spanflow reads its own descriptors there.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

}  // namespace spanflow
