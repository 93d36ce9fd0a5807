// A failover report as JSON, as the sentence a person reads, and as keys of a line of the log.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "control/failover.hpp"

namespace view {

nlohmann::json failover(const control::Failover& failover);
// "2000 of 2000 prefixes moved (2000 to berlin), 84.2 to 131 ms after the verdict": from that JSON, which may be
// another version's.
std::string failover_text(const nlohmann::json& failover);
std::string failover_keys(const control::Failover& failover);

}  // namespace view
