#include "frr/vty_show.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

namespace frr {

std::string to_string(const Version& version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

// "FRRouting 8.4.4 (host) on …", "FRRouting 10.4.1-0~deb12u1 (…", "FRRouting 10.5-dev …": what follows a number that
// is not there counts as 0.
std::optional<Version> parse_version(std::string_view show_version) {
    constexpr std::string_view word = "FRRouting ";
    const auto at = show_version.find(word);
    if (at == std::string_view::npos) return std::nullopt;
    auto text = show_version.substr(at + word.size());
    Version out;
    for (auto* part : {&out.major, &out.minor, &out.patch}) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
        if (error != std::errc{}) return part == &out.major ? std::nullopt : std::optional{out};
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty() || text.front() != '.') break;
        text.remove_prefix(1);
    }
    return out;
}

bool delays_bfd_down(const Version& version) {
    const auto in = [&](const Version& first, const Version& last) { return version >= first && version <= last; };
    return in({10, 4, 0}, {10, 4, 4}) || in({10, 5, 0}, {10, 5, 2});
}

base::Result<std::vector<InterfaceShown>, std::string> parse_interfaces(std::string_view show_interface_json) {
    const auto json = nlohmann::json::parse(show_interface_json, nullptr, false);
    if (!json.is_object()) return tl::unexpected{std::string{"zebra's `show interface json` is no JSON object"}};
    std::vector<InterfaceShown> out;
    for (const auto& [name, shown] : json.items()) {
        if (!shown.is_object()) continue;
        InterfaceShown one{.name = name, .index = {}};
        const auto index = shown.find("index");
        if (index != shown.end() && index->is_number_unsigned()) one.index.value = index->get<std::uint32_t>();
        const auto detection = shown.find("linkDetection");
        if (detection != shown.end() && detection->is_boolean()) one.link_detection = detection->get<bool>();
        const auto status = shown.find("operationalStatus");
        if (status != shown.end() && status->is_string()) one.operational = status->get<std::string>() == "up";
        out.push_back(std::move(one));
    }
    return out;
}

bool knows_neighbor_graceful_shutdown(const Version& version) { return version >= Version{8, 5, 0}; }

bool has_mgmtd(const Version& version) { return version >= Version{9, 0, 0}; }

std::optional<std::uint32_t> parse_ospf_cost(std::string_view show_interface_json, const std::string& interface) {
    const auto json = nlohmann::json::parse(show_interface_json, nullptr, false);
    const auto member = [](const nlohmann::json* of, const std::string& name) -> const nlohmann::json* {
        if (of == nullptr || !of->is_object()) return nullptr;
        const auto found = of->find(name);
        return found == of->end() ? nullptr : &*found;
    };
    const auto* shown = member(member(&json, "interfaces"), interface);
    if (shown == nullptr) shown = member(&json, interface);
    const auto cost_of = [&](const nlohmann::json* of) -> std::optional<std::uint32_t> {
        const auto* cost = member(of, "cost");
        if (cost == nullptr || !cost->is_number_unsigned() || cost->get<std::uint64_t>() > 65'535) return std::nullopt;
        return cost->get<std::uint32_t>();
    };
    if (const auto* enabled = member(shown, "ospfEnabled"); enabled != nullptr && *enabled == false)
        return std::nullopt;
    if (const auto cost = cost_of(shown)) return cost;
    // Later versions tell it for each address.
    if (const auto* addresses = member(shown, "interfaceIp"); addresses != nullptr && addresses->is_object())
        for (const auto& [address, of] : addresses->items())
            if (const auto cost = cost_of(&of)) return cost;
    return std::nullopt;
}

std::optional<std::uint32_t> parse_local_as(std::string_view show_bgp_summary_json) {
    const auto json = nlohmann::json::parse(show_bgp_summary_json, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    for (const auto& [family, shown] : json.items()) {
        if (!shown.is_object()) continue;
        const auto as = shown.find("as");
        if (as != shown.end() && as->is_number_unsigned()) return as->get<std::uint32_t>();
    }
    return std::nullopt;
}

}  // namespace frr
