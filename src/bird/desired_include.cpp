#include "bird/desired_include.hpp"

#include <algorithm>
#include <string_view>

#include "policy/cost.hpp"

namespace bird {
namespace {

// OSPF's own limits (RFC 2328 §B, LSInfinity of a router's link): a dead path stays the last choice, and is no error.
constexpr std::uint32_t least_cost = 1, greatest_cost = 65'534, cost_when_down = 65'535;

void add(DesiredInclude& to, const IncludeEntry& entry, const policy::Wanted* wanted) {
    auto& out = to.defines;
    const bool down = wanted != nullptr && wanted->counts_as_down;
    const bool drained = !down && wanted != nullptr && wanted->verdict.cost == policy::cost_when_drained;
    const bool degraded = !down && wanted != nullptr && policy::limps(wanted->verdict);
    const auto cost = wanted == nullptr ? entry.cost
                      : down            ? cost_when_down
                                        : std::clamp(wanted->verdict.cost, least_cost, greatest_cost);
    const auto prefix = adjacency::bird_constant(entry.adjacency, "");
    const auto number = [&](const char* what, std::uint32_t value, std::uint32_t at_rest) {
        out.push_back({prefix + what, std::to_string(value), std::to_string(at_rest)});
    };
    out.push_back({prefix + "up", down ? "false" : "true", "true"});
    number("cost", cost, entry.cost);
    number("local_pref", down || drained ? 0 : degraded ? entry.local_pref / 2 : entry.local_pref, entry.local_pref);
    policy::Classes classes;
    if (wanted != nullptr && entry.measured) classes = wanted->classes;
    const auto slow = [&](const char* what, bool known, std::uint32_t value, std::uint32_t at_rest) {
        number(what, known ? value : at_rest, at_rest);
        if (!known && entry.measured) to.unmeasured.insert(prefix + what);
    };
    slow("latency", classes.latency != 0, classes.latency, entry.dn42_latency);
    slow("loss", classes.loss != 0, classes.loss, entry.dn42_loss);
    slow("med", classes.med_share.has_value(), entry.cost + classes.med_share.value_or(0), entry.cost);
}

std::string told(const policy::Wanted& wanted) {
    if (wanted.counts_as_down) return "down";
    return "up, cost " + std::to_string(std::clamp(wanted.verdict.cost, least_cost, greatest_cost));
}

}  // namespace

DesiredInclude desired_include(std::span<const IncludeEntry> entries, std::span<const policy::Wanted> all) {
    DesiredInclude out;
    std::map<std::string_view, const policy::Wanted*> present;
    for (const auto& wanted : all) present[wanted.adjacency.name] = &wanted;
    for (const auto& entry : entries) {
        const auto found = present.find(entry.adjacency);
        add(out, entry, found == present.end() ? nullptr : found->second);
        if (found == present.end()) continue;
        out.told[found->second->id] = told(*found->second);
        present.erase(found);
    }
    for (const auto& [name, wanted] : present) out.unnamed.emplace_back(name);
    return out;
}

bool is_slow(const Define& define) {
    return define.name.ends_with("_latency") || define.name.ends_with("_loss") || define.name.ends_with("_med");
}

Defines with_unmeasured_of(const DesiredInclude& desired, const Defines& known) {
    auto out = desired.defines;
    for (auto& define : out) {
        if (!desired.unmeasured.contains(define.name)) continue;
        const auto old = std::ranges::find(known, define.name, &Define::name);
        if (old != known.end() && old->at_rest == define.at_rest) define.value = old->value;
    }
    return out;
}

Defines with_slow_of(Defines desired, const Defines& standing) {
    std::map<std::string_view, const Define*> old;
    for (const auto& define : standing)
        if (is_slow(define)) old[define.name] = &define;
    for (auto& define : desired)
        if (const auto found = old.find(define.name); found != old.end()) define.value = found->second->value;
    return desired;
}

}  // namespace bird
