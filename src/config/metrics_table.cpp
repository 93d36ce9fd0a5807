// [metrics]: where Prometheus scrapes us.
#include <array>
#include <string_view>

#include "config/places.hpp"
#include "config/tables.hpp"

namespace config {
namespace {

using namespace std::string_view_literals;

constexpr std::array metrics_keys{"listen"sv};
constexpr std::string_view metrics_port = ":9784";

}  // namespace

Metrics read_metrics(const Table& table, Report& report) {
    refuse_unknown(table, {"in [metrics]", metrics_keys}, report);
    Metrics out;
    out.listen = string_at(table, "listen", report);
    if (!out.listen) return out;
    if (!is_ipv4_place(*out.listen) && !is_ipv6_place(*out.listen))
        report.add(find(table, "listen")->node.place,
                   "listen " + quoted(*out.listen) +
                       " must be an address of this host, with a port or without: write \"127.0.0.1:9784\"");
    else if (!has_port(*out.listen))
        out.listen->append(metrics_port);
    return out;
}

}  // namespace config
