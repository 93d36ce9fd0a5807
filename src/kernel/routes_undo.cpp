#include "kernel/routes_undo.hpp"

#include <algorithm>
#include <sstream>

#include "kernel/desired_routes.hpp"

namespace kernel {

std::string subject_of(const RouteName& name) { return "route " + to_string(name); }
std::string subject_of(const SourceRule& rule) { return "rule " + to_string(rule); }

std::optional<RouteName> parse_route(const std::string& text) {
    std::istringstream in{text};
    std::string route, prefix, table, metric;
    RouteName out;
    in >> route >> prefix >> table >> out.table >> metric >> out.metric;
    const auto parsed = base::Prefix::parse(prefix);
    if (!in || route != "route" || table != "table" || metric != "metric" || !parsed) return std::nullopt;
    out.prefix = *parsed;
    return out;
}

std::optional<SourceRule> parse_rule(const std::string& text) {
    std::istringstream in{text};
    std::string rule, from, source, lookup, priority;
    SourceRule out;
    in >> rule >> from >> source >> lookup >> out.table >> priority >> out.priority;
    const auto parsed = base::IpAddress::parse(source);
    if (!in || rule != "rule" || from != "from" || lookup != "lookup" || priority != "priority" || !parsed)
        return std::nullopt;
    out.source = *parsed;
    return out;
}

base::Result<bool, std::error_code> revert_route(const io::UndoRecord& record, const GroupRouteAccess& access) {
    if (record.feed != routes_feed) return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
    if (record.before == kept_route) return false;
    if (const auto name = parse_route(record.subject)) {
        const auto routes = access.read(name->table);
        if (!routes) return tl::unexpected{routes.error()};
        if (std::ranges::find(*routes, *name, &GroupRoute::name) == routes->end()) return false;
        const auto error = access.remove(*name);
        if (error && error != std::errc::no_such_process) return tl::unexpected{error};
        return true;
    }
    if (const auto rule = parse_rule(record.subject)) {
        const auto error = access.remove_rule(*rule);
        if (error == std::errc::no_such_file_or_directory) return false;
        if (error) return tl::unexpected{error};
        return true;
    }
    return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
}

}  // namespace kernel
