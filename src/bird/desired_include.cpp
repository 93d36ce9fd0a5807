#include "bird/desired_include.hpp"

#include <algorithm>
#include <string_view>

#include "policy/cost.hpp"

namespace bird {
namespace {

// OSPF's own limits (RFC 2328 §B, LSInfinity of a router's link): a dead path stays the last choice, and is no error.
constexpr std::uint32_t least_cost = 1, greatest_cost = 65'534, cost_when_down = 65'535;

void add(Defines& out, const IncludeEntry& entry, const policy::Wanted* wanted) {
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
    number("latency", entry.dn42_latency, entry.dn42_latency);
    number("loss", entry.dn42_loss, entry.dn42_loss);
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
        add(out.defines, entry, found == present.end() ? nullptr : found->second);
        if (found == present.end()) continue;
        out.told[found->second->id] = told(*found->second);
        present.erase(found);
    }
    for (const auto& [name, wanted] : present) out.unnamed.emplace_back(name);
    return out;
}

bool is_slow(const Define& define) { return define.name.ends_with("_latency") || define.name.ends_with("_loss"); }

Defines with_slow_of(Defines desired, const Defines& standing) {
    std::map<std::string_view, const Define*> old;
    for (const auto& define : standing)
        if (is_slow(define)) old[define.name] = &define;
    for (auto& define : desired)
        if (const auto found = old.find(define.name); found != old.end()) define.value = found->second->value;
    return desired;
}

}  // namespace bird
