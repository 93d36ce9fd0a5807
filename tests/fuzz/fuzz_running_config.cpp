// Anything `show running-config` may print, and anything an undo record may hold: slices and the whole must agree, and
// what is desired must be what FRR takes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "frr/settings_plan.hpp"
#include "frr/vty_show.hpp"

namespace {

frr::Wishes wishes(std::uint8_t standings) {
    frr::Wishes out;
    for (std::uint8_t n = 0; n < 3; ++n) {
        const auto standing = static_cast<frr::Standing>((standings >> (2 * n)) % 3);
        const auto interface = "wg" + std::to_string(n);
        out.interfaces[interface] = {standing, 10U + standings};
        out.peers.push_back({.id = adjacency::AdjacencyId{n},
                             .name = interface,
                             .interface = interface,
                             .remote = base::IpAddress::parse("10.8.0." + std::to_string(n)).value(),
                             .standing = standing,
                             .alone = true});
    }
    return out;
}

void check_lines(const frr::DesiredSettings& desired, const frr::RunningConfig& running) {
    for (const auto& [place, to] : desired.lines) {
        if (to == 0 || to > frr::greatest_weight) std::abort();
        if (const auto own = frr::value_at(running, place); own && to <= *own)
            std::abort();  // never better than it was
        if (!frr::block_of(running, place)) std::abort();
    }
    for (const auto& change : frr::changes_to(desired.lines, {}, {}, running, {}))
        if (change.record.ours != std::vector{*change.to}) std::abort();
}

void check_record(const std::string& text) {
    const auto half = text.size() / 2;
    const auto known = frr::parse_record({frr::vty_feed, text.substr(0, half), text.substr(half), "7 8"});
    if (!known) return;
    const auto again = frr::parse_record(frr::to_record(known->directory, known->place, known->held));
    if (!again || *again != *known) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string text{reinterpret_cast<const char*>(data) + 2, size - 2};
    const auto running = frr::read_running_config(text);
    frr::RunningReader reader{text};
    while (reader.read(data[0] % std::size_t{7} + 1)) continue;
    if (reader.take() != running) std::abort();

    const auto all = wishes(data[1]);
    const auto own = [&](const frr::Place& place) { return frr::value_at(running, place); };
    for (const auto setting : {frr::Setting::ospf_cost, frr::Setting::ospf6_cost})
        check_lines(frr::desired_costs(setting, all, running, own, {{"wg0", 10}, {"wg1", 65535}}), running);
    for (const bool graceful : {false, true})
        check_lines(frr::desired_bgp(frr::PeerLookup{all, {}}, running, own, graceful), running);
    check_record(text);
    static_cast<void>(frr::parse_ospf_cost(text, "wg0"));
    return 0;
}
