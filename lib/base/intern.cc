#include "base/intern.h"

#include <mutex>
#include <set>
#include <string>

namespace spanflow {

std::string_view intern(std::string_view text) {
  static std::mutex mutex;
  // The texts are never destroyed, because records refer to them while the program exits. A set never moves its
  // elements, so the returned views stay valid.
  static auto& texts = *new std::set<std::string, std::less<>>;
  const std::lock_guard lock(mutex);
  const auto known = texts.find(text);
  return known != texts.end() ? *known : *texts.emplace(text).first;
}

}  // namespace spanflow
