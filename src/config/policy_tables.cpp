// [quality], [damping], and what an [[adjacency]] says of its own: group, cost, quality.
#include <algorithm>
#include <array>
#include <string_view>

#include "config/tables.hpp"

namespace config {

namespace {

using namespace std::string_view_literals;

constexpr std::array quality_keys{"method"sv, "interval"sv, "degraded"sv};
constexpr std::array degraded_keys{"loss"sv, "rtt"sv, "jitter"sv};
constexpr std::array damping_keys{"half_life"sv, "suppress"sv, "reuse"sv, "max"sv};

const Table* table_in(const Table& table, std::string_view key, std::string_view example, Report& report) {
    const auto* entry = find(table, key);
    if (entry == nullptr) return nullptr;
    const auto* inner = std::get_if<Table>(&entry->node.value);
    if (inner == nullptr)
        report.add(entry->node.place, std::string{key}
                                          .append(" must be a table, such as ")
                                          .append(example)
                                          .append(", not ")
                                          .append(kind(entry->node)));
    return inner;
}

// "2%", "0.5%": a share of 1; none when it is no percentage.
std::optional<double> parse_percent(std::string_view text) {
    constexpr std::size_t most_digits = 9;
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    double whole = 0, unit = 1;
    bool point = false, digits = false;
    if (text.size() > most_digits) return std::nullopt;
    for (const char c : text) {
        if (c == '.' && digits && !point) {
            point = true;
            digits = false;
            continue;
        }
        if (c < '0' || c > '9') return std::nullopt;
        digits = true;
        whole = whole * 10 + (c - '0');
        if (point) unit *= 10;
    }
    if (!digits) return std::nullopt;
    return whole / unit / 100;
}

void read_loss(const Table& table, policy::Limits& out, Report& report) {
    constexpr double least = 0.001, greatest = 0.5;
    const auto text = string_at(table, "loss", report);
    if (!text) return;
    const auto share = parse_percent(*text);
    if (share && *share >= least && *share <= greatest) {
        out.loss = *share;
        return;
    }
    report.add(find(table, "loss")->node.place,
               "loss must be a percentage from \"0.1%\" to \"50%\", not " + quoted(*text));
}

void read_degraded(const Table& table, std::string_view where, policy::Limits& out, Report& report) {
    const auto* inner = table_in(table, "degraded", "{ loss = \"2%\", rtt = \"250ms\" }", report);
    if (inner == nullptr) return;
    const auto title = "in degraded " + std::string{where};
    refuse_unknown(*inner, {title, degraded_keys}, report);
    read_loss(*inner, out, report);
    constexpr DurationLimits limits{std::chrono::milliseconds{1}, std::chrono::seconds{60}, "1ms..60s"};
    if (const auto rtt = duration_at(*inner, "rtt", limits, report)) out.rtt = *rtt;
    if (const auto jitter = duration_at(*inner, "jitter", limits, report)) out.jitter = *jitter;
}

void read_method(const Table& table, Quality& out, Report& report) {
    constexpr std::array methods{"auto"sv, "stamp"sv, "icmp"sv, "off"sv};  // as the enumerators stand
    const auto text = string_at(table, "method", report);
    if (!text) return;
    const auto found = std::ranges::find(methods, std::string_view{*text});
    if (found != methods.end())
        out.method = static_cast<Method>(found - methods.begin());
    else
        report.add(find(table, "method")->node.place,
                   "method must be \"auto\", \"stamp\", \"icmp\" or \"off\", not " + quoted(*text));
}

}  // namespace

void overlay_quality(const Table& table, std::string_view where, Quality& out, Report& report) {
    refuse_unknown(table, {where, quality_keys}, report);
    read_method(table, out, report);
    // Less often, and 5 min hold too few samples to tell anything.
    constexpr DurationLimits limits{std::chrono::milliseconds{20}, std::chrono::seconds{10}, "20ms..10s"};
    if (const auto interval = duration_at(table, "interval", limits, report)) out.interval = *interval;
    read_degraded(table, where, out.degraded, report);
}

policy::DampingRules read_damping(const Table& table, Report& report) {
    constexpr auto hour = std::chrono::hours{1};
    constexpr std::int64_t most = 1'000'000;
    refuse_unknown(table, {"in [damping]", damping_keys}, report);
    policy::DampingRules out;
    if (const auto half = duration_at(table, "half_life", {std::chrono::seconds{1}, hour, "1s..3600s"}, report))
        out.half_life = *half;
    if (const auto longest = duration_at(table, "max", {std::chrono::seconds{0}, hour, "0s..3600s"}, report))
        out.max = *longest;
    const auto suppress = integer_at(table, "suppress", 1, most, report);
    const auto reuse = integer_at(table, "reuse", 1, most, report);
    if (suppress) out.suppress = static_cast<std::uint32_t>(*suppress);
    if (reuse) out.reuse = static_cast<std::uint32_t>(*reuse);
    if (out.reuse >= out.suppress && (suppress || reuse))
        report.add(find(table, reuse ? "reuse" : "suppress")->node.place,
                   "reuse (" + std::to_string(out.reuse) + ") must be less than suppress (" +
                       std::to_string(out.suppress) + "): what is suppressed is released below it");
    return out;
}

void overlay_policy(const Table& table, const Config& defaults, Adjacency& out, Report& report) {
    if (const auto cost = integer_at(table, "cost", 1, policy::greatest_base_cost, report))
        out.cost = static_cast<std::uint32_t>(*cost);
    out.quality = defaults.quality;
    if (const auto* inner = table_in(table, "quality", "{ method = \"off\" }", report))
        overlay_quality(*inner, "in quality of [[adjacency]]", out.quality, report);
    const auto group = string_at(table, "group", report);
    if (!group) return;
    out.group = *group;
    if (std::ranges::find(defaults.groups, *group, &Group::name) != defaults.groups.end()) return;
    std::vector<std::string_view> known;
    for (const auto& one : defaults.groups) known.push_back(one.name);
    const auto close = nearest(*group, known);
    report.add(find(table, "group")->node.place, "no [[group]] is named " + quoted(*group) +
                                                     (close.empty() ? ": write [[group]] with name = " + quoted(*group)
                                                                    : "; did you mean " + quoted(close) + "?"));
}

}  // namespace config
