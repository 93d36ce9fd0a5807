#include "view/tunnel.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "view/text.hpp"

namespace view {
namespace {

using policy::Cause;
using policy::Refusal;

// "nothing", "296 B", "3.4 kB", "12 MB".
std::string bytes(std::uint64_t count) {
    if (count == 0) return "nothing";
    if (count < 1'000) return fmt::format("{} B", count);
    auto value = static_cast<double>(count);
    const char* unit = "";
    for (const auto* larger : {"kB", "MB", "GB", "TB"}) {
        if (value < 999.5) break;
        value /= 1e3;
        unit = larger;
    }
    return value < 9.95 ? fmt::format("{:.1f} {}", value, unit) : fmt::format("{:.0f} {}", value, unit);
}

std::string refusal_sentence(const control::Row& row, const control::Refused& refused, base::Now now) {
    const bool no_endpoint = refused.why == Refusal::no_endpoint;
    return fmt::format("WireGuard refused a packet to {} {} ago ({}): {}.", to_string(row.remote),
                       span(std::max(now.steady - refused.at, base::Duration{})),
                       no_endpoint ? "EDESTADDRREQ" : "ENOKEY",
                       no_endpoint ? "it knows no endpoint of the peer" : "no peer's allowed-ips hold that address");
}

void add_refusals(const control::Row& row, base::Now now, std::vector<std::string>& out) {
    if (!row.peer->endpoint) out.push_back("WireGuard knows no endpoint of the peer, so it can send nothing there.");
    if (!row.allowed)
        out.push_back(fmt::format("The peer's allowed-ips do not hold {}: WireGuard drops what is sent there.",
                                  to_string(row.remote)));
    if (row.peer->endpoint && row.allowed && row.refused != nullptr)
        out.push_back(refusal_sentence(row, *row.refused, now));
}

// None: nothing of the peer's comes in that is not expected of a tunnel that is dead; or BFD is not silent.
const char* silent_protocol(const control::Row& row, std::uint64_t received, base::Duration during) {
    if (row.verdict.cause != Cause::detect_timeout || received <= control::idle_bytes(during)) return nullptr;
    if (row.liveness) return "ICMP echo";
    return row.session && row.session->status.state == bfd::State::down ? "UDP 3784" : nullptr;
}

std::string carried(const control::Counted& from, const control::Counted& to) {
    return fmt::format("WireGuard sent {} to the peer and received {}", bytes(to.sent - from.sent),
                       bytes(to.received - from.received));
}

// From the look that came with the Down: what came in before it says nothing of now. Until there is another look, from
// the last one before it.
std::optional<std::string> traffic_sentence(const control::Row& row) {
    if (row.verdict.state != policy::VerdictState::down || row.traffic == nullptr) return std::nullopt;
    const auto& [last, down_at, before, after] = *row.traffic;
    if (!down_at || !after) return std::nullopt;
    if (last->at <= after->at) {
        if (!before) return std::nullopt;
        return fmt::format("{} from {} before the Down to {} after it.", carried(*before, *after),
                           span(*down_at - before->at), span(after->at - *down_at));
    }
    const auto during = last->at - after->at;
    auto line = fmt::format("{} in {} since the Down", carried(*after, *last), span(during));
    const auto* protocol = silent_protocol(row, last->received - after->received, during);
    if (protocol == nullptr) return line + ".";
    return line + fmt::format(
                      ": the tunnel carries data of the peer's while {} is silent. Look for a filter of {}, here and "
                      "there, and whether the far end still runs it.",
                      row.liveness ? "it" : "BFD", protocol);
}

}  // namespace

std::vector<std::string> interface_sentences(const control::Row& row) {
    const auto name = printable(row.interface);
    if (row.interface_down)
        return {
            fmt::format("{} is administratively down, so nothing goes in or out: `ip link set {} up`.", name, name)};
    if (row.verdict.cause == Cause::interface_gone)
        return {fmt::format("There is no interface {}: it was deleted, or has yet to be made.", name)};
    if (row.unresolved && row.lost_local.is_set())
        return {fmt::format("{}, from which it was last Up, is not an address of {} any more: `ip address add` it.",
                            to_string(row.lost_local), name)};
    return {};
}

std::vector<std::string> wireguard_sentences(const control::Row& row, base::Now now) {
    std::vector<std::string> out;
    if (row.peer == nullptr) return out;
    add_refusals(row, now, out);
    if (auto line = traffic_sentence(row)) out.push_back(*std::move(line));
    if (row.handshake_seen == base::never) {
        out.push_back("WireGuard had no handshake with it yet.");
        return out;
    }
    const auto age = std::max(now.steady - row.handshake_seen, base::Duration{});
    out.push_back(fmt::format("WireGuard's last handshake was {} ago{}.", span(age),
                              age < policy::handshake_lifetime ? "" : ", and after 180s it carries nothing"));
    return out;
}

}  // namespace view
