#include "view/failover.hpp"

#include <chrono>

#include <fmt/format.h>

#include "view/text.hpp"

namespace view {
namespace {

using nlohmann::json;

std::uint64_t micros(base::Duration d) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

json micros_or_null(const std::optional<base::Duration>& d) { return d ? json(micros(*d)) : json(); }

std::uint64_t number(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// "84.2": milliseconds, in three digits or whole.
std::string millis(std::uint64_t us) {
    const auto ms = static_cast<double>(us) / 1e3;
    return ms < 100 ? fmt::format("{:.3g}", ms) : fmt::format("{:.0f}", ms);
}

std::string places(const json& failover) {
    std::string out;
    const auto add = [&](const std::string& where, std::uint64_t prefixes) {
        if (prefixes > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", prefixes, where);
    };
    if (const auto to = failover.find("to"); to != failover.end() && to->is_object())
        for (const auto& [name, prefixes] : to->items())
            if (prefixes.is_number_unsigned()) add("to " + printable(name), prefixes.get<std::uint64_t>());
    add("elsewhere", number(failover, "elsewhere"));
    return out;
}

}  // namespace

json failover(const control::Failover& failover) {
    auto to = json::object();
    for (const auto& [name, prefixes] : failover.to) to[clean(name)] = prefixes;
    return {{"at", base::to_iso8601(failover.at)},
            {"verdict", to_string(failover.verdict)},
            {"cause", failover.cause ? json(to_string(*failover.cause)) : json()},
            {"prefixes", failover.prefixes},
            {"moved", failover.moved},
            {"withdrawn", failover.withdrawn},
            {"left", failover.left},
            {"first_us", micros_or_null(failover.first)},
            {"last_us", micros_or_null(failover.last)},
            {"to", std::move(to)},
            {"elsewhere", failover.elsewhere},
            {"source", to_string(failover.source)},
            {"exact", failover.exact}};
}

std::string failover_text(const json& failover) {
    if (!failover.is_object()) return "-";
    auto out = fmt::format("{} of {} prefixes moved", number(failover, "moved"), number(failover, "prefixes"));
    if (const auto to = places(failover); !to.empty()) out += fmt::format(" ({})", to);
    if (const auto n = number(failover, "withdrawn"); n > 0) out += fmt::format(", {} withdrawn", n);
    if (const auto n = number(failover, "left"); n > 0) out += fmt::format(", {} left", n);
    if (failover.contains("first_us") && failover["first_us"].is_number_unsigned())
        out += fmt::format(", {} to {} ms after the verdict", millis(number(failover, "first_us")),
                           millis(number(failover, "last_us")));
    if (failover.value("exact", true) == false) out += ", not exact";
    return out;
}

std::string failover_keys(const control::Failover& failover) {
    auto out = fmt::format("prefixes={} moved={} withdrawn={} left={}", failover.prefixes, failover.moved,
                           failover.withdrawn, failover.left);
    if (failover.first) out += fmt::format(" first_us={} last_us={}", micros(*failover.first), micros(*failover.last));
    return out + fmt::format(" source={} exact={}", to_string(failover.source), failover.exact ? "yes" : "no");
}

}  // namespace view
