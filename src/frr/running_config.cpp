#include "frr/running_config.hpp"

#include <algorithm>
#include <charconv>

#include "base/ip_address.hpp"

namespace frr {
namespace {

// The next word, which is taken off `text`.
std::string_view word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto found = text.substr(0, text.find(' '));
    text.remove_prefix(found.size());
    return found;
}

bool skip(std::string_view& text, std::string_view wanted) {
    auto rest = text;
    while (!wanted.empty())
        if (word(rest) != word(wanted)) return false;
    text = rest;
    return true;
}

bool is_empty(std::string_view text) { return word(text).empty(); }

// A number that ends the line.
Value last_number(std::string_view text) {
    const auto digits = word(text);
    std::uint16_t out = 0;  // no cost and no weight is greater
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc{} || end != digits.data() + digits.size() || !is_empty(text)) return std::nullopt;
    return out;
}

}  // namespace

const RunningNeighbor* RunningBgp::group_of(const RunningNeighbor& neighbor) const {
    const auto found = neighbors.find(neighbor.group);
    return neighbor.group.empty() || found == neighbors.end() ? nullptr : &found->second;
}

bool RunningBgp::is_active(const RunningNeighbor& neighbor, std::size_t family) const {
    if (neighbor.activate[family]) return *neighbor.activate[family];
    const auto* group = group_of(neighbor);
    return group != nullptr && group->activate[family] ? *group->activate[family] : by_default[family];
}

bool RunningBgp::keeps_routes(const RunningNeighbor& neighbor, std::size_t family) const {
    const auto* group = group_of(neighbor);
    return neighbor.keeps_routes[family] || (group != nullptr && group->keeps_routes[family]);
}

std::uint32_t RunningBgp::weight_of(const RunningNeighbor& neighbor, std::size_t family, const Value& own) const {
    if (own) return *own;
    const auto* group = group_of(neighbor);
    return group != nullptr ? group->weight[family].value_or(0) : 0;
}

Value value_at(const RunningConfig& config, const Place& place) {
    const auto interface = config.interfaces.find(place.where);
    const bool has_interface = interface != config.interfaces.end();
    const RunningNeighbor* neighbor = nullptr;
    if (config.bgp)
        if (const auto found = config.bgp->neighbors.find(place.where); found != config.bgp->neighbors.end())
            neighbor = &found->second;
    switch (place.setting) {
        using enum Setting;
        case ospf_cost: return has_interface ? interface->second.cost : std::nullopt;
        case ospf6_cost: return has_interface ? interface->second.cost6 : std::nullopt;
        case ipv4_weight: return neighbor != nullptr ? neighbor->weight[0] : std::nullopt;
        case ipv6_weight: return neighbor != nullptr ? neighbor->weight[1] : std::nullopt;
        case graceful_shutdown: return neighbor != nullptr && neighbor->graceful_shutdown ? Value{1} : std::nullopt;
    }
    return std::nullopt;
}

std::optional<std::string> block_of(const RunningConfig& config, const Place& place) {
    if (source_of(place.setting) != NeighborSource::bgp) {
        const auto found = config.interfaces.find(place.where);
        return found != config.interfaces.end() ? found->second.block : "interface " + place.where;
    }
    if (!config.bgp || !config.bgp->neighbors.contains(place.where)) return std::nullopt;
    return config.bgp->block;
}

RunningReader::RunningReader(std::string text) : text_{std::move(text)}, rest_{text_} {}

bool RunningReader::read(std::size_t at_least) {
    for (std::size_t done = 0; done < at_least && !rest_.empty();) {
        const auto end = std::min(rest_.find('\n'), rest_.size());
        auto text = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        done += end + 1;
        if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
        line(text);
    }
    return !rest_.empty();
}

void RunningReader::line(std::string_view text) {
    if (is_empty(text) || text.find('!') == text.find_first_not_of(' ')) return;
    if (text.front() != ' ') return open(text);
    switch (block_) {
        case Block::other: return;
        case Block::interface: return in_interface(text);
        case Block::bgp: return in_bgp(text);
    }
}

void RunningReader::open(std::string_view text) {
    block_ = Block::other;
    in_family_ = false;
    family_.reset();
    auto rest = text;
    if (skip(rest, "interface")) {
        const std::string name{word(rest)};
        if (name.empty()) return;
        interface_ = &config_.interfaces[name];
        interface_->block = text;
        block_ = Block::interface;
    } else if (skip(rest, "router bgp")) {
        while (!is_empty(rest))  // another instance is not ours to judge
            if (const auto next = word(rest); next == "vrf" || next == "view") return;
        if (!config_.bgp) config_.bgp.emplace();
        config_.bgp->block = text;
        block_ = Block::bgp;
    }
}

void RunningReader::in_interface(std::string_view text) {
    if (auto rest = text; skip(rest, "ip ospf cost")) {
        if (const auto cost = last_number(rest))
            interface_->cost = cost;
        else
            interface_->address_cost = true;
    } else if (skip(text, "ipv6 ospf6 cost")) {
        if (const auto cost = last_number(text)) interface_->cost6 = cost;
    }
}

void RunningReader::in_bgp(std::string_view text) {
    if (auto rest = text; skip(rest, "address-family")) {
        in_family_ = true;
        family_ = skip(rest, "ipv4 unicast")   ? std::optional<std::size_t>{0}
                  : skip(rest, "ipv6 unicast") ? std::optional<std::size_t>{1}
                                               : std::nullopt;
        return;
    }
    if (skip(text, "exit-address-family")) {
        in_family_ = false;
        family_.reset();
        return;
    }
    if (in_family_ && !family_) return;
    auto& bgp = *config_.bgp;
    const bool no = skip(text, "no");
    if (skip(text, "neighbor")) return about_neighbor(text, no);
    if (in_family_) return;
    if (skip(text, "bgp default ipv4-unicast")) bgp.by_default[0] = !no;
    if (skip(text, "bgp default ipv6-unicast")) bgp.by_default[1] = !no;
    if (skip(text, "bgp listen range")) bgp.listens = true;
}

void RunningReader::about_neighbor(std::string_view rest, bool no) {
    const std::string name{word(rest)};
    if (name.empty()) return;
    auto& neighbor = config_.bgp->neighbors[name];
    if (family_ && skip(rest, "activate")) neighbor.activate[*family_] = !no;
    if (no) return;
    if (family_ && skip(rest, "weight")) neighbor.weight[*family_] = last_number(rest);
    if (family_ && skip(rest, "soft-reconfiguration inbound")) neighbor.keeps_routes[*family_] = true;
    if (skip(rest, "graceful-shutdown")) neighbor.graceful_shutdown = true;
    if (skip(rest, "interface")) {
        if (base::IpAddress::parse(name)) {
            neighbor.interface = word(rest);
            return;
        }
        neighbor.unnumbered = true;
        skip(rest, "v6only");
    }
    if (!skip(rest, "peer-group")) return;
    neighbor.group = word(rest);
    neighbor.is_group = neighbor.group.empty();
}

RunningConfig read_running_config(std::string text) {
    RunningReader reader{std::move(text)};
    while (reader.read(1 << 16)) continue;
    return reader.take();
}

}  // namespace frr
