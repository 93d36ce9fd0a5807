// Which tables do this host's policy rules look up? One question and its answer, at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <system_error>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace kernel {

// Each routing rule of both families, as the payload of RTM_NEWRULE.
std::error_code read_rules(const std::function<void(base::Bytes)>& visit);

// Of RTM_NEWRULE. None: malformed, or a rule that looks no table up. Pure.
std::optional<std::uint32_t> decode_rule_table(base::Bytes payload);

base::Result<std::set<std::uint32_t>, std::error_code> tables_of_rules();  // IPv4's and IPv6's

}  // namespace kernel
