// The undo records of the feed `routes`: how a route and a rule are named there, and the way back for a process that
// comes after it.
#pragma once

#include <optional>
#include <string>
#include <system_error>

#include "base/result.hpp"
#include "io/undo_log.hpp"
#include "kernel/group_route.hpp"

namespace kernel {

// What stood there before. The second is by the operator's word: undo leaves ours.
inline constexpr const char* no_route = "none";
inline constexpr const char* kept_route = "none, kept";

std::string subject_of(const RouteName& name);
std::string subject_of(const SourceRule& rule);
std::optional<RouteName> parse_route(const std::string& subject);
std::optional<SourceRule> parse_rule(const std::string& subject);

// For `undo`: removes the route or the rule that the record names, unless its group keeps it on exit. False: there was
// none.
base::Result<bool, std::error_code> revert_route(const io::UndoRecord& record,
                                                 const GroupRouteAccess& access = kernel_group_routes());

}  // namespace kernel
