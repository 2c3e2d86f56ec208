#include "metrics/conditions.h"

namespace spanflow {

void Conditions::use(LinkType link_type) {
  const auto [at, is_new] = compiled_.try_emplace(link_type);
  if (is_new) {
    for (const std::string& expression : expressions_) at->second.emplace_back(expression, link_type, "metrics.when");
  }
  filters_ = &at->second;
  link_type_ = link_type;
}

}  // namespace spanflow
